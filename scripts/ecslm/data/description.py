"""The description of one task's records: counts, labels, token lengths, truncation."""

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from ecslm.data.reports import SettingDescription, TaskDescription, TokenLengths
from ecslm.data.settings import DescriptionSettings
from ecslm.models.architecture import Architecture, readable_tokens
from ecslm.models.prompts import PromptTemplate, encode_prompt
from ecslm.schemas.record import Record, Split
from ecslm.schemas.task import Answer

# More labels than this are positions in a list that differs between records, not classes.
MOST_LABELS = 10

# Enough texts to keep all threads busy; their encodings take about 100 MB.
CHUNK = 1000

# Fields of a record that are shown.
EXAMPLE = ("instruction", "input", "options", "output")

# Answer types whose answers are labels.
LABELLED: tuple[Answer, ...] = ("yes_no", "choice")


def load_tokenizer(path: Path) -> Tokenizer:
    """A base's tokenizer.json, without truncation and padding."""
    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def describe(
    records: Sequence[Record],
    template: PromptTemplate,
    tokenizer: Tokenizer,
    settings: DescriptionSettings,
    architecture: Architecture,
) -> TaskDescription:
    """Describe all records of a task and their prompts.

    Args:
        architecture: that of the base, which may read less than `max_length`.

    Raises:
        InputError: a prompt does not fit even with an empty input, which training or prediction
            would refuse too.
    """
    groups: dict[tuple[Split, str], list[tuple[Record, int, int]]] = {}
    prompts = _lengths([template.render(one, _shots(one)) for one in records], tokenizer)
    answers = _lengths([one.output for one in records], tokenizer)
    for one in zip(records, prompts, answers, strict=True):
        groups.setdefault((one[0].split, one[0].setting), []).append(one)
    # Of all records, so that the settings agree on whether the task has labels.
    labelled = settings.answer in LABELLED and len(set(map(_label, records))) <= MOST_LABELS
    splits: dict[Split, dict[str, SettingDescription]] = {}
    for (split, setting), members in groups.items():
        cut, room = 0, settings.training_max_length or 0
        if split == "test":
            lengths = settings.prediction_max_length, settings.adapter_max_length
            room = readable_tokens(architecture, *lengths) - settings.max_new_tokens
        for record, prompt, answer in members:
            # A training example ends with the answer and the end token.
            left = room if split == "test" else room - answer - 1
            cut += prompt > left and _is_cut(record, template, tokenizer, left)
        counts = Counter(_label(record) for record, _, _ in members)
        splits.setdefault(split, {})[setting] = SettingDescription(
            records=len(members),
            instructions=len({record.instruction for record, _, _ in members}),
            labels=dict(sorted(counts.items())) if labelled else None,
            prompt_tokens=_quantiles(prompt for _, prompt, _ in members),
            answer_tokens=_quantiles(answer for _, _, answer in members),
            room=room,
            truncated=cut,
        )
    first = records[0]
    common = first.options and all(one.options == first.options for one in records)
    return TaskDescription(
        task=first.task,
        answer=settings.answer,
        tokenizer=settings.tokenizer,
        options=tuple(first.options or ()) if common else None,
        example={name: getattr(first, name) for name in EXAMPLE},
        splits=splits,
    )


def _lengths(texts: Sequence[str], tokenizer: Tokenizer) -> list[int]:
    lengths: list[int] = []
    for at in range(0, len(texts), CHUNK):
        encodings = tokenizer.encode_batch(texts[at : at + CHUNK], add_special_tokens=False)
        lengths += map(len, encodings)
    return lengths


def _label(record: Record) -> str:
    """Yes or no, or the letter of the option, of a record whose answer is one."""
    return record.output.partition(":")[0] if record.options else record.output


def _quantiles(lengths: Iterable[int]) -> TokenLengths:
    ordered = sorted(lengths)
    p50, p95, p99 = (ordered[-(-len(ordered) * part // 100) - 1] for part in (50, 95, 99))
    return {"min": ordered[0], "p50": p50, "p95": p95, "p99": p99, "max": ordered[-1]}


def _shots(record: Record) -> int:
    """Examples in the prompt: test records that have one are for 1-shot models."""
    return int(record.split == "test" and record.few_shot_example is not None)


def _is_cut(record: Record, template: PromptTemplate, tokenizer: Tokenizer, room: int) -> bool:
    """Whether the input of a record with too long a prompt is cut, as `encode_prompt` decides."""

    def encode(text: str, **_options: Any) -> dict[str, Any]:
        encoding = tokenizer.encode(text, add_special_tokens=False)
        return {"input_ids": encoding.ids, "offset_mapping": encoding.offsets}

    return encode_prompt(record, template, _shots(record), encode, room).truncated
