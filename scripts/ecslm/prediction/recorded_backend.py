"""The backend of answers that exist already: they are matched to the test records.

Two forms are read:

- a JSON Lines file, as the predict step writes it; a line needs its `prediction` alone. Lines of
  settings that are not asked for are left out. The others are matched by `id` or, if none has one,
  in the order of the records of their setting.
- a file `{setting}.json` for each setting: a JSON list of texts in the order of its records.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from ecslm.common.errors import InputError, Problem
from ecslm.common.hashing import sha256_of_file
from ecslm.common.manifests import verify_result
from ecslm.common.text import number_of
from ecslm.prediction.backend import Backend, Generated, Prompt, Request
from ecslm.prediction.settings import PredictionSettings
from ecslm.schemas.paths import ANSWERS_MANIFEST
from ecslm.schemas.prediction import RecordedAnswer, read_answers
from ecslm.schemas.record import Record

LINES, LISTS = ".jsonl", ".json"
RESTRICT = "restrict the model to the settings that it has, with `settings`"
# Fields that must be those of the record. Letters of the same question in another order mean
# something else.
OF_RECORD = ("setting", "sample_id", "task", "options", "relevance")


class RecordedSettings(PredictionSettings):
    """Which of the records have answers."""

    backend: Literal["recorded"]
    settings: tuple[str, ...] | None = None
    """Settings that have answers (default: all of the dataset file)."""

    def asks(self, record: Record) -> bool:
        """Whether there is an answer to a record."""
        return super().asks(record) and (self.settings is None or record.setting in self.settings)


class RecordedBackend(Backend[RecordedSettings, Prompt]):
    """Reads answers; it is its own loaded model. Nobody knows the prompts."""

    SETTINGS = RecordedSettings
    TAKES = ("answers",)
    KNOWS_RECORDS = True

    def __init__(self, request: Request[RecordedSettings]) -> None:
        """
        Raises:
            InputError: as `Backend`; or there are no answers, or their files are not of one form.
        """
        super().__init__(request)
        self._paths = paths = request.answers
        forms, names = Counter(path.suffix for path in paths), {path.name for path in paths}
        if not (forms == {LINES: 1} or forms.keys() == {LISTS}) or len(names) < len(paths):
            raise InputError(
                f"--answers: {' '.join(map(str, paths)) or 'missing'}: backend recorded needs one "
                "{task}.jsonl, or a {setting}.json for each setting"
            )

    def identity(self) -> dict[str, str]:
        """The sha256 of each file, by its name, which has the setting.

        Raises:
            InputError: a file was altered.
        """
        for path in self._paths:
            verify_result(path)
            # Those that were fetched, together with others.
            verify_result(path, path.parent / Path(ANSWERS_MANIFEST).name)
        return {path.name: sha256_of_file(path) for path in self._paths}

    def prompts(self, records: Sequence[Record]) -> list[Prompt]:
        """The answer to each record.

        Raises:
            InputError: the answers do not match the records.
        """
        place = self._paths[0] if len(self._paths) == 1 else self._paths[0].parent
        lines = [line for path in self._paths for line in enumerate(read_answers(path), start=1)]
        self._answers: dict[str, RecordedAnswer] = {}
        for record, (number, answer) in zip(records, _matched(place, lines, records), strict=True):
            own = {name: getattr(record, name) for name in OF_RECORD} | {"reference": record.output}
            for field, value in own.items():
                if getattr(answer, field) not in (None, value):
                    message = f"is not that of the record {record.id}: an answer to another?"
                    raise InputError(Problem(message, place, number, field))
            self._answers[record.id] = answer
        return list(map(Prompt, records))

    def generate(self, prompts: Sequence[Prompt], batch: int) -> list[Generated]:  # noqa: ARG002
        """The answers, with what the files say of them."""
        answers = (self._answers[prompt.record.id] for prompt in prompts)
        return [
            Generated(one.prediction, one.prompt_tokens, one.generated_tokens, one.finish_reason)
            for one in answers
        ]

    def cost(self) -> Mapping[str, float | str | None]:
        """What the answers have cost is not known."""
        return dict.fromkeys(
            ("load_seconds", "seconds", "device", "peak_memory_bytes", "energy_joules")
        )


BACKEND = RecordedBackend

# An answer with the number of its line.
Line = tuple[int, RecordedAnswer]


def _matched(path: Path, lines: Sequence[Line], records: Sequence[Record]) -> list[Line]:
    """The answer to each record: by `id` or, without, in the order of those of its setting, since
    writers of a file cannot know which setting comes first.
    """
    asked = Counter(record.setting for record in records)
    lines = [line for line in lines if line[1].setting is None or line[1].setting in asked]
    with_id = sum(line.id is not None for _, line in lines)
    if 0 < with_id < len(lines):
        raise InputError(f"{path}: only {with_id} of {len(lines)} answers have an `id`")
    only = next(iter(asked)) if len(asked) == 1 else None
    if not (with_id or only):
        for number, line in lines:
            if line.setting is None:
                message = f"missing: without an `id`, a line needs it, as one of {', '.join(asked)}"
                raise InputError(Problem(message, path, number, "setting"))
    # With ids, of all settings together.
    kinds = {", ".join(sorted(asked)): asked.total()} if with_id else asked
    there = Counter(next(iter(kinds)) if with_id else line.setting or only for _, line in lines)
    if problems := [
        f"{path}: {number_of(there[kind], 'answer')}, but {number_of(expected, 'test record')} of "
        f"{kind}: use the answers to these records, or {RESTRICT}"
        for kind, expected in kinds.items()
        if there[kind] != expected
    ]:
        raise InputError(*problems)
    if with_id:
        by_id = {line[1].id: line for line in lines}
        if absent := [record.id for record in records if record.id not in by_id]:
            raise InputError(
                f"{path}: has no answers to {len(absent):,} of the {len(records):,} records, such "
                f"as `id` {absent[0]}: answers to other records?"
            )
        return [by_id[record.id] for record in records]
    in_order = {
        setting: iter([line for line in lines if (line[1].setting or only) == setting])
        for setting in asked
    }
    return [next(in_order[record.setting]) for record in records]
