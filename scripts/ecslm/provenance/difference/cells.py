"""The scores in a results directory, as cells with a key that another directory may share."""

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

from ecslm.common.errors import InputError
from ecslm.common.manifests import Manifest, read_manifest, read_result
from ecslm.schemas.metrics_file import Interval95, MetricsFile, SettingScores, Value
from ecslm.schemas.paths import METRICS, METRICS_MANIFEST, OUTCOMES
from ecslm.scoring.metrics.protocol import metric
from ecslm.scoring.outcomes import Outcomes, read_outcomes

METRICS_FILE = re.compile(r"metrics/(?P<model>[^/]+)/seed-(?P<seed>\d+)/(?P<task>[^/.]+)\.json")


@dataclass(frozen=True, order=True)
class CellKey:
    """What a cell shows; fields are in the order of sorting."""

    task: str
    setting: str
    model: str
    seed: int
    protocol: str


@dataclass(frozen=True)
class ScoreCell:
    """A score: its value, None if it is not defined, its interval if it has one, and counts.

    `invalid` is None of a scorer that does not tell what it cannot read.
    """

    value: float | None
    ci95: Interval95 | None
    n: int
    invalid: int | None
    truncated: int | None


class ResultsFolder:
    """A study's results directory, wherever it is."""

    def __init__(self, path: Path) -> None:
        """
        Raises:
            InputError: there is no such directory, or no metrics file in it.
        """
        self.path = path
        if not path.is_dir():
            raise InputError(f"{path}: no such directory: name the results of a study")
        self._files = list(self._metrics_files())
        if not self._files:
            raise InputError(f"{path}: has no scores (metrics/MODEL/seed-N/TASK.json)")

    @cached_property
    def cells(self) -> dict[CellKey, ScoreCell]:
        """All scores.

        Raises:
            InputError: a metrics file is invalid, or was altered since it was made.
        """
        return {
            CellKey(task, setting, model, seed, protocol): cell
            for model, seed, task in self._files
            for setting, scores in self._metrics(model, seed, task).settings.items()
            for protocol, cell in _cells(scores)
        }

    def manifest(self, name: str) -> Manifest | None:
        """A manifest by its path relative to the directory; None if it is not there."""
        path = self.path / name
        return read_manifest(path) if path.is_file() else None

    def score_manifest(self, key: CellKey) -> str:
        """Path of the manifest of a cell's score, relative to the directory."""
        return METRICS_MANIFEST.format(model=key.model, seed=key.seed, task=key.task)

    def outcomes(self, key: CellKey) -> Outcomes | None:
        """What each record adds to a cell's strict score; None if that is not known."""
        name = self.metric_name(key)
        if name is None:
            return None
        file = OUTCOMES.format(model=key.model, seed=key.seed, task=key.task)
        return self._outcomes(file, name).get(key.setting)

    def metric_name(self, key: CellKey) -> str | None:
        """Name of the metric's module, from the manifest of the score."""
        made = self.manifest(self.score_manifest(key))
        task = None if made is None else made.settings.get("task")
        return task.get("metric") if isinstance(task, dict) else None

    # The cells of a file are compared one after the other.
    @lru_cache(maxsize=4)  # noqa: B019 - two instances a process
    def _outcomes(self, file: str, name: str) -> dict[str, Outcomes]:
        """The outcomes of a file by setting; none of one that is missing or of other terms."""
        path = self.path / file
        # An earlier version of the metric may have summed other terms.
        with suppress(InputError):
            return read_outcomes([path], metric(name)) if path.is_file() else {}
        return {}

    def _metrics(self, model: str, seed: int, task: str) -> MetricsFile:
        return read_result(
            self.path / METRICS.format(model=model, seed=seed, task=task), MetricsFile
        )

    def _metrics_files(self) -> Iterator[tuple[str, int, str]]:
        for path in sorted(self.path.glob("metrics/*/seed-*/*.json")):
            found = METRICS_FILE.fullmatch(path.relative_to(self.path).as_posix())
            if found:
                yield found["model"], int(found["seed"]), found["task"]


def _cells(scores: SettingScores) -> Iterator[tuple[str, ScoreCell]]:
    strict = scores.strict
    yield "strict", _cell(scores, strict, scores.n_invalid, strict.ci95)
    if (lenient := strict.details.lenient) is not None:
        yield "lenient", _cell(scores, lenient, lenient.n_invalid)
    for protocol, score in (
        ("released", scores.released),
        ("released_2024", scores.released_2024),
    ):
        if score is not None:
            yield protocol, _cell(scores, score, score.dropped)


def _cell(
    scores: SettingScores, score: Value, invalid: int | None, ci95: Interval95 | None = None
) -> ScoreCell:
    return ScoreCell(score.known, ci95, scores.n, invalid, scores.n_truncated)
