"""The backend of answers that exist already: they are matched to the test records.

Two forms are read:

- a JSON Lines file, as the predict step writes it; a line needs its `prediction` alone. Lines of
  settings that are not asked for are left out. A line is matched by its `id` or, without one, by
  its place among those of its setting.
- a file `{setting}.json` for each setting: a JSON list of texts in the order of its records.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal

from ecslm.common.errors import InputError, Problem
from ecslm.common.hashing import sha256_of_file
from ecslm.common.manifests import verify_result
from ecslm.common.text import number_of
from ecslm.prediction.backend import Backend, Generated, Prompt
from ecslm.prediction.settings import PredictionSettings
from ecslm.schemas.paths import ANSWERS_MANIFEST
from ecslm.schemas.prediction import RecordedAnswer, read_answers
from ecslm.schemas.record import Record

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
    NEEDS = ("answers",)
    KNOWS_RECORDS = True

    def identity(self) -> dict[str, str]:
        """The sha256 of each file, by its name, which has the setting.

        Raises:
            InputError: a file was altered.
        """
        paths = self._request.answers
        for path in paths:
            verify_result(path)
            # Those that were fetched, together with others.
            verify_result(path, path.parent / Path(ANSWERS_MANIFEST).name)
        return {path.name: sha256_of_file(path) for path in paths}

    def prompts(self, records: Sequence[Record]) -> list[Prompt]:
        """The answer to each record.

        Raises:
            InputError: the answers do not match the records.
        """
        paths = self._request.answers
        place = paths[0] if len(paths) == 1 else paths[0].parent
        lines = [line for path in paths for line in enumerate(read_answers(path), start=1)]
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
    """The answer to each record: by `id` or, without, by its place among those of its setting,
    since writers of a file cannot know which setting comes first.
    """
    asked = list(dict.fromkeys(record.setting for record in records))
    only = asked[0] if len(asked) == 1 else None
    lines = [line for line in lines if (line[1].setting or only) in (*asked, None)]
    places = _places(line[1].setting or only for line in lines)
    answers = {line[1].id or place: line for line, place in zip(lines, places, strict=True)}
    places = _places(record.setting for record in records)
    pairs = zip(records, places, strict=True)
    found = [answers.get(record.id) or answers.get(place) for record, place in pairs]
    matched = [line for line in found if line is not None]
    if not len(lines) == len(matched) == len(records):
        raise InputError(
            f"{path}: {number_of(len(lines), 'answer')} of {', '.join(asked)}, for {len(matched)} "
            f"of {number_of(len(records), 'test record')}: each record needs one, by its `id` or "
            "in the order of its `setting`; restrict the model to settings that have all of them, "
            "with `settings`"
        )
    return matched


def _places(settings: Iterable[str | None]) -> Iterator[tuple[str | None, int]]:
    """Settings, each with its number among equal ones."""
    counts = Counter[str | None]()
    for setting in settings:
        yield setting, counts[setting]
        counts[setting] += 1
