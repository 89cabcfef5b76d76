"""The backend of answers that exist already: they are matched to the test records.

Two forms are read:

- a JSON Lines file, as the predict step writes it; a line needs its `prediction` alone. Lines of
  settings that are not asked for are left out. A line is matched by its `id` or, without one, by
  its place among those of its setting.
- a file `{setting}.json` for each setting: a JSON list of texts in the order of its records.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import Literal

from ecslm.common.errors import InputError, Problem
from ecslm.common.hashing import sha256_of_file
from ecslm.common.manifests import verify_result
from ecslm.common.text import number_of
from ecslm.families.backend import Backend, Generated, Prompt
from ecslm.families.settings import PredictionSettings
from ecslm.schemas.paths import ANSWERS_MANIFEST
from ecslm.schemas.prediction import RecordedAnswer, of_record, read_answers
from ecslm.schemas.record import Record


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
    NEEDS = ("answers",)
    KNOWS_RECORDS = True

    def identity(self) -> list[tuple[str, str]]:
        """The name of each file, which may have the setting, and its sha256, in order.

        Raises:
            InputError: a file was altered.
        """
        paths = self._request.answers
        for path in paths:
            verify_result(path)
            # Those that were fetched, together with others.
            verify_result(path, path.parent / Path(ANSWERS_MANIFEST).name)
        return [(path.name, sha256_of_file(path)) for path in paths]

    def prompts(self, records: Sequence[Record]) -> list[Prompt]:
        """The answer to each record.

        Raises:
            InputError: the answers do not match the records.
        """
        paths = self._request.answers
        place = paths[0] if len(paths) == 1 else paths[0].parent
        given = [(path, *numbered) for path in paths for numbered in read_answers(path)]
        self._answers: dict[str, RecordedAnswer] = {}
        matched = _matched(place, given, records)
        for record, (path, line, answer) in zip(records, matched, strict=True):
            self._answers[record.id] = answer
            # Letters of the same question in another order mean something else.
            for field, value in of_record(record).items():
                if getattr(answer, field) not in (None, value):
                    message = f"is not that of the record {record.id}: an answer to another?"
                    raise InputError(Problem(message, path, line, field))
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

Given = tuple[Path, int, RecordedAnswer]
"""An answer, after its file and line."""


def _matched(path: Path, given: Sequence[Given], records: Sequence[Record]) -> list[Given]:
    """The answer to each record: by `id` or, without, by its place among those of its setting,
    since writers of a file cannot know which setting comes first.
    """
    asked = list(dict.fromkeys(record.setting for record in records))
    only = asked[0] if len(asked) == 1 else None
    given = [one for one in given if (one[2].setting or only) in (*asked, None)]
    places = _places([answer for *_, answer in given], only)
    answers = {one[2].id or place: one for one, place in zip(given, places, strict=True)}
    found = (
        answers.get(record.id) or answers.get(place)
        for record, place in zip(records, _places(records, only), strict=True)
    )
    matched = [one for one in found if one is not None]
    if not len(given) == len(matched) == len(records):
        raise InputError(
            f"{path}: {number_of(len(given), 'answer')} of {', '.join(asked)}, for {len(matched)} "
            f"of {number_of(len(records), 'test record')}: each record needs one, by its `id` or "
            "in the order of its `setting`; restrict the model to settings that have all of them, "
            "with `settings`"
        )
    return matched


def _places(rows: Sequence[Record] | Sequence[RecordedAnswer], only: str | None) -> list[object]:
    """The setting of each row with its number among those of that."""
    numbers: defaultdict[str | None, Iterator[int]] = defaultdict(count)
    settings = [row.setting or only for row in rows]
    return [(one, next(numbers[one])) for one in settings]
