"""The description of one task's records: counts, labels, token lengths, truncation."""

import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer
from tqdm import tqdm

from ecslm.common.errors import InputError
from ecslm.data.card.reports import (
    Example,
    SettingDescription,
    TaskDescription,
    TokenLengths,
)
from ecslm.data.card.settings import DescriptionSettings
from ecslm.models.architecture import Architecture, readable_tokens
from ecslm.models.prompts import PromptTemplate, encode_prompt
from ecslm.schemas.record import Record, Split
from ecslm.schemas.task import Answer

# More labels than this are positions in a list that differs between records, not classes.
MOST_LABELS = 10

# Enough texts to keep all threads busy; their encodings take about 100 MB.
CHUNK = 1000

# Answer types whose answers are labels.
LABELLED: tuple[Answer, ...] = ("yes_no", "choice")


@dataclass(frozen=True)
class _Measured:
    """A record with its label, if it has one, and its lengths in tokens."""

    record: Record
    label: str | None
    prompt_tokens: int
    answer_tokens: int


class _Callable:
    """A tokenizer with the call interface that `encode_prompt` needs."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer

    def __call__(self, text: str, **_options: Any) -> dict[str, Any]:
        encoding = self._tokenizer.encode(text, add_special_tokens=False)
        return {"input_ids": encoding.ids, "offset_mapping": encoding.offsets}


def load_tokenizer(path: Path) -> Tokenizer:
    """A base's tokenizer.json, without truncation and padding.

    Raises:
        InputError: the file is missing or is not a tokenizer.
    """
    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises bare Exception
        raise InputError(f"{path}: not a tokenizer ({error})") from None
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def describe(
    task: str,
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
            would refuse too; or there are train or val records but no `training_max_length`.
    """
    measured = _measure(records, template, tokenizer, settings.answer)
    # Of all records, so that the settings agree on whether the task has labels.
    labels = {one.label for one in measured}
    labelled = settings.answer in LABELLED and len(labels) <= MOST_LABELS
    groups: dict[Split, dict[str, list[_Measured]]] = {}
    for one in measured:
        by_setting = groups.setdefault(one.record.split, {})
        by_setting.setdefault(one.record.setting, []).append(one)
    splits: dict[Split, dict[str, SettingDescription]] = {}
    for split, by_setting in groups.items():
        room = _room(split, settings, architecture)
        splits[split] = {
            setting: SettingDescription(
                records=len(group),
                instructions=len({one.record.instruction for one in group}),
                labels=_label_counts(group) if labelled else None,
                prompt_tokens=_quantiles(one.prompt_tokens for one in group),
                answer_tokens=_quantiles(one.answer_tokens for one in group),
                room=room,
                truncated=sum(_is_truncated(one, template, tokenizer, room) for one in group),
            )
            for setting, group in by_setting.items()
        }
    return TaskDescription(
        task=task,
        answer=settings.answer,
        tokenizer=settings.tokenizer,
        options=_common_options(records),
        example=_example(records[0]),
        splits=splits,
    )


def _common_options(records: Sequence[Record]) -> tuple[str, ...] | None:
    first = records[0].options
    return tuple(first) if first and all(one.options == first for one in records) else None


def _example(record: Record) -> Example:
    return Example(
        instruction=record.instruction,
        input=record.input,
        options=tuple(record.options) if record.options else None,
        output=record.output,
    )


def _measure(
    records: Sequence[Record], template: PromptTemplate, tokenizer: Tokenizer, answer: Answer
) -> list[_Measured]:
    with tqdm(total=2 * len(records), unit="text", disable=not sys.stderr.isatty()) as bar:
        prompts = _lengths(
            (template.render(record, _shots(record)) for record in records), tokenizer, bar
        )
        answers = _lengths((record.output for record in records), tokenizer, bar)
    labels = [_label(record, answer) for record in records]
    columns = zip(records, labels, prompts, answers, strict=True)
    return [_Measured(*values) for values in columns]


def _lengths(texts: Iterable[str], tokenizer: Tokenizer, bar: Any) -> list[int]:
    lengths: list[int] = []
    waiting = iter(texts)
    while chunk := list(islice(waiting, CHUNK)):
        encodings = tokenizer.encode_batch(chunk, add_special_tokens=False)
        lengths += [len(encoding) for encoding in encodings]
        bar.update(len(chunk))
    return lengths


def _label(record: Record, answer: Answer) -> str | None:
    """Yes or no, or the letter of the option; the records are known to have one."""
    if answer not in LABELLED:
        return None
    return record.output.partition(":")[0] if record.options else record.output


def _label_counts(group: Iterable[_Measured]) -> dict[str, int]:
    return dict(sorted(Counter(one.label for one in group if one.label is not None).items()))


def _quantiles(lengths: Iterable[int]) -> TokenLengths:
    ordered = sorted(lengths)
    p50, p95, p99 = (ordered[-(-len(ordered) * part // 100) - 1] for part in (50, 95, 99))
    return TokenLengths(min=ordered[0], p50=p50, p95=p95, p99=p99, max=ordered[-1])


def _room(split: Split, settings: DescriptionSettings, architecture: Architecture) -> int:
    if split == "test":
        lengths = settings.prediction_max_length, settings.adapter_max_length
        return readable_tokens(architecture, *lengths) - settings.max_new_tokens
    if settings.training_max_length is None:
        raise InputError(
            f"training_max_length: null, but there are {split} records: "
            "set the longest prompt with answer, in tokens"
        )
    return settings.training_max_length


def _shots(record: Record) -> int:
    """Examples in the prompt: test records that have one are for 1-shot models."""
    return int(record.split == "test" and record.few_shot_example is not None)


def _is_truncated(
    one: _Measured, template: PromptTemplate, tokenizer: Tokenizer, room: int
) -> bool:
    """Whether the record's input is cut; `encode_prompt` decides where the prompt is too long."""
    if one.record.split != "test":
        room -= one.answer_tokens + 1  # the end token
    if one.prompt_tokens <= room:
        return False
    return encode_prompt(
        one.record, template, _shots(one.record), _Callable(tokenizer), room
    ).truncated
