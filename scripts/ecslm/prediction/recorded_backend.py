"""The backend of answers that exist already: they are matched to the test records.

Two forms are read:

- a JSON Lines file, as the predict step writes it; a line needs its `prediction` alone. Lines of
  settings that are not asked for are left out. The others are matched by `id` or, if none has one,
  in the order of the records of their setting.
- a file `{setting}.json` for each setting: a JSON list of texts in the order of its records.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ecslm.common.errors import InputError, Problem
from ecslm.common.files import read_json, read_jsonl
from ecslm.common.hashing import sha256_of_file
from ecslm.common.manifests import verify_result
from ecslm.common.text import number_of
from ecslm.prediction.backend import Generated, Request
from ecslm.prediction.recorded_settings import RecordedSettings
from ecslm.prediction.texts import checked_texts
from ecslm.schemas.paths import ANSWERS_MANIFEST
from ecslm.schemas.prediction import RecordedAnswer
from ecslm.schemas.record import Record

SETTINGS = RecordedSettings
LINES, LISTS = ".jsonl", ".json"
RESTRICT = "restrict the model to the settings that it has, with `settings`"

RecordedRequest = Request[RecordedSettings]
# An answer with the number of its line.
Line = tuple[int, RecordedAnswer]


def libraries(_settings: RecordedSettings, tuned: bool) -> tuple[str, ...]:  # noqa: ARG001
    """No library can change an answer."""
    return ()


def identity(request: RecordedRequest) -> dict[str, str]:
    """The sha256 of each file, by its name, which has the setting.

    Raises:
        InputError: there are no answers, their files are not of one form, or there is what only
            other backends need.
    """
    request.refuse("base", "adapter", "template", "train", "val", "access")
    paths = request.answers
    names = [path.name for path in paths]
    forms = Counter(path.suffix for path in paths)
    if not (forms == {LINES: 1} or forms.keys() == {LISTS}) or len(set(names)) < len(names):
        raise InputError(
            f"--answers: {' '.join(map(str, paths)) or 'missing'}: backend recorded needs one "
            "{task}.jsonl, or a {setting}.json for each setting"
        )
    for path in paths:
        verify_result(path)
        # Those that were fetched, together with others.
        verify_result(path, path.parent / Path(ANSWERS_MANIFEST).name)
    return {path.name: sha256_of_file(path) for path in paths}


def open_backend(request: RecordedRequest) -> "RecordedBackend":
    """The files as a backend."""
    return RecordedBackend(request.answers)


@dataclass(frozen=True)
class Answered:
    """The answer to a record, in place of its prompt, which nobody knows."""

    answer: RecordedAnswer
    text: None = None
    truncated: None = None


class RecordedBackend:
    """Reads answers; it is its own loaded model."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self._paths = paths

    def prompts(self, records: Sequence[Record]) -> list[Answered]:
        """The answer to each record.

        Raises:
            InputError: the answers do not match the records.
        """
        lines = _lines(self._paths)
        file = self._paths[0]
        path = file if len(self._paths) == 1 else file.parent
        return [Answered(line) for _, line in _matched(path, lines, records)]

    def batches(self, prompts: Sequence[Answered]) -> list[list[int]]:
        """All at once."""
        return [list(range(len(prompts)))]

    def load(self) -> None:
        """Nothing is left to load."""

    def generate(self, prompts: Sequence[Answered], _batch: int) -> list[Generated]:
        """The answers, with what the files say of them."""
        return [_generated(prompt.answer) for prompt in prompts]

    def cost(self) -> Mapping[str, float | str | None]:
        """What the answers have cost is not known."""
        return dict.fromkeys(
            ("load_seconds", "seconds", "device", "peak_memory_bytes", "energy_joules")
        )


def _generated(answer: RecordedAnswer) -> Generated:
    tokens = answer.prompt_tokens, answer.generated_tokens
    return Generated(answer.prediction, *tokens, answer.finish_reason)


def _lines(paths: Sequence[Path]) -> list[Line]:
    """The lines of a file, or the items of a file for each setting."""
    if paths[0].suffix == LINES:
        return list(enumerate(read_jsonl(paths[0], RecordedAnswer), start=1))
    return [
        (number, RecordedAnswer(setting=path.stem, prediction=text))
        for path in paths
        for number, text in enumerate(checked_texts(read_json(path), str(path)), start=1)
    ]


def _matched(path: Path, lines: Sequence[Line], records: Sequence[Record]) -> list[Line]:
    """The answer to each record: by `id` or, without, in the order of those of its setting, since
    writers of a file cannot know which setting comes first.
    """
    asked = Counter(record.setting for record in records)
    lines = [line for line in lines if line[1].setting is None or line[1].setting in asked]
    with_id = sum(line.id is not None for _, line in lines)
    if 0 < with_id < len(lines):
        raise InputError(f"{path}: only {with_id} of {len(lines)} answers have an `id`")
    unknown = [number for number, line in lines if line.setting is None]
    if with_id or len(asked) == 1:
        if len(lines) != len(records):
            settings = ", ".join(sorted(asked))
            raise InputError(_miscounted(path, len(lines), len(records), settings))
    elif unknown:
        message = f"missing: without an `id`, a line needs it, as one of {', '.join(asked)}"
        raise InputError(Problem(message, path, unknown[0], "setting"))
    else:
        found = Counter(line.setting for _, line in lines)
        differing = [setting for setting in asked if found[setting] != asked[setting]]
        if differing:
            raise InputError(*(_miscounted(path, found[one], asked[one], one) for one in differing))
    if with_id:
        by_id = {str(line.id): (number, line) for number, line in lines}
        absent = [record.id for record in records if record.id not in by_id]
        if absent:
            raise InputError(
                f"{path}: has no answers to {len(absent):,} of the {len(records):,} records, such "
                f"as `id` {absent[0]}: answers to other records?"
            )
        matched = [by_id[record.id] for record in records]
    else:
        only = next(iter(asked), None)
        in_order = {
            setting: iter([line for line in lines if (line[1].setting or only) == setting])
            for setting in asked
        }
        matched = [next(in_order[record.setting]) for record in records]
    for problem in _mismatches(path, matched, records):
        raise InputError(problem)
    return matched


def _mismatches(path: Path, lines: Sequence[Line], records: Sequence[Record]) -> Iterator[Problem]:
    """Fields that differ from those of the record."""
    for (number, line), record in zip(lines, records, strict=True):
        expected = {
            "setting": record.setting,
            "sample_id": record.sample_id,
            "task": record.task,
            "reference": record.output,
            # Letters of the same question in another order mean something else.
            "options": record.options,
            "relevance": record.relevance,
        }
        for field, value in expected.items():
            if getattr(line, field) not in (None, value):
                message = f"is not that of the record {record.id}: an answer to another?"
                yield Problem(message, path, number, field)


def _miscounted(path: Path, found: int, expected: int, setting: str) -> str:
    return (
        f"{path}: {number_of(found, 'answer')}, but {number_of(expected, 'test record')} of "
        f"{setting}: use the answers to these records, or {RESTRICT}"
    )
