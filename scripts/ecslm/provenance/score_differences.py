"""Compares the scores of two results directories: which changed, and whether by more than chance.

A is before, B after.
"""

import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

import pandas as pd

from ecslm.common.errors import InputError
from ecslm.common.hashing import sha256_of_file
from ecslm.common.manifests import read_manifest, verify_result
from ecslm.comparisons.settings import ComparedModel, DifferencesSettings, ModelsContrast
from ecslm.comparisons.sides import task_sides
from ecslm.comparisons.testing import differences
from ecslm.provenance.score_origins import Cause, Origins, seen_from_study
from ecslm.schemas.paths import METRICS_MANIFEST, OUTCOMES, SCORES_MANIFEST, SCORES_PARQUET
from ecslm.scoring.metrics.arithmetic import column_totals
from ecslm.scoring.metrics.protocol import Metric, metric
from ecslm.scoring.outcomes import Outcomes, read_outcomes

Side = Literal["A", "B"]
# The outcomes of a file of a metric, by setting.
Read = Callable[[Path, str | None], dict[str, Outcomes]]
# What names a score, in the order of sorting, and what it says.
KEY = ["task", "setting", "model", "seed", "protocol"]
VALUES = ["value", "low", "high", "n", "invalid", "truncated"]
# Combinations of names by which missing scores are described, the fewest names first.
WHOLES = (
    *(("model",), ("task",), ("setting",), ("protocol",), ("model", "seed"), ("model", "task")),
    *(("model", "seed", "task"), ("model", "seed", "task", "setting"), tuple(KEY)),
)
# Of the bootstrap. The p-value is not asked for.
RESAMPLES, PERMUTATIONS = 2_000, 1


@dataclass(frozen=True)
class Score:
    """A score: its value, None if it is not defined, its interval if it has one, and counts.

    `invalid` is None of a scorer that does not tell what it cannot read.
    """

    value: float | None
    ci95: tuple[float, float] | None
    n: int
    invalid: int | None
    truncated: int | None


@dataclass(frozen=True)
class Change:
    """A score that differs between two directories.

    `beyond` is whether it differs by more than chance: the 95 % interval of the paired difference
    lies on one side of 0 or, where records cannot be paired (`basis` is `overlap`), the two
    intervals do not overlap. None where there is no interval.
    """

    task: str
    setting: str
    model: str
    seed: int
    protocol: str
    a: Score
    b: Score
    difference: float | None
    ci95: tuple[float, float] | None
    basis: Literal["paired", "overlap"] | None
    beyond: bool | None
    records_changed: int | None
    """Number of shared records that contribute another value to the strict score; None if unknown.
    """
    causes: tuple[Cause, ...]


@dataclass(frozen=True)
class Missing:
    """Scores that only one directory has: as few names as describe them, and their number."""

    side: Side
    names: dict[str, str | int]
    cells: int


@dataclass(frozen=True)
class Comparison:
    """All differences of two directories."""

    a: str
    b: str
    compared: int
    """Scores that both have."""
    changes: tuple[Change, ...]
    missing: tuple[Missing, ...]

    @property
    def beyond(self) -> int:
        """How many scores differ by more than chance."""
        return sum(change.beyond is True for change in self.changes)


def compare_scores(before: Path, after: Path) -> Comparison:
    """Compare the results of two studies, or of one study at two times.

    Raises:
        InputError: a directory has no scores, or they were altered, or are older than the metrics
            that they were collected from; or the two have none in common.
    """
    scores = (_read_scores(before), _read_scores(after))
    merged = pd.merge(*scores, on=KEY, how="outer", suffixes=("_a", "_b"), indicator=True)
    both = merged[merged["_merge"] == "both"].sort_values(KEY)
    if both.empty:
        raise InputError(f"{before} and {after}: no model, seed, task and setting in common")
    origins = Origins(before, after)
    # The scores of a file are compared one after the other.
    read = lru_cache(maxsize=4)(_outcomes)
    return Comparison(
        a=str(before),
        b=str(after),
        compared=len(both),
        changes=tuple(
            _change(dict(zip(KEY, row[KEY], strict=True)), a, b, origins, read)
            for _, row in both.iterrows()
            if (a := _score(row, "_a")) != (b := _score(row, "_b"))
        ),
        missing=(*missing("A", *scores), *missing("B", *reversed(scores))),
    )


def missing(side: Side, scores: pd.DataFrame, others: pd.DataFrame) -> Iterator[Missing]:
    """What only the first of two tables of scores has."""
    known = {whole: set(_names(others, whole)) for whole in WHOLES}
    absent = scores[~scores[KEY].apply(tuple, axis=1).isin(list(known[WHOLES[-1]]))]
    names = [_names(absent, whole) for whole in WHOLES]
    found = Counter(
        next((whole, of) for whole, of in zip(WHOLES, row, strict=True) if of not in known[whole])
        for row in zip(*names, strict=True)
    )
    for (whole, values), count in found.items():
        yield Missing(side, dict(zip(whole, values, strict=True)), count)


def _names(scores: pd.DataFrame, whole: Sequence[str]) -> list[tuple[str | int, ...]]:
    return list(zip(*(scores[name].tolist() for name in whole), strict=True))


def _read_scores(folder: Path) -> pd.DataFrame:
    path, manifest = folder / SCORES_PARQUET, folder / SCORES_MANIFEST
    if not path.is_file():
        raise InputError(f"{path}: no such file: name the results of a study that has been run")
    verify_result(path, manifest)
    for name, digest in read_manifest(manifest).inputs.items():
        file = folder / seen_from_study(name)
        if seen_from_study(name).startswith("metrics/") and sha256_of_file(file) != digest:
            raise InputError(f"{file}: not what {path} has: run the study to its end")
    frame = pd.read_parquet(path, columns=[*KEY, *VALUES])
    return frame.astype(object).where(frame.notna(), None)


def _score(row: "pd.Series[object]", side: str) -> Score:
    value, low, high, n, invalid, truncated = (row[f"{name}{side}"] for name in VALUES)
    return Score(value, None if low is None else (low, high), n, invalid, truncated)


def _change(key: dict[str, str | int], a: Score, b: Score, origins: Origins, read: Read) -> Change:
    basis: Literal["paired", "overlap"] | None = None
    ci95, beyond, records_changed = None, None, None
    # Only strict scores have intervals.
    if key["protocol"] == "strict":
        pair = _Pair(key, (a, b), origins.folders, read)
        records_changed, ci95 = pair.records_changed, pair.interval
        if ci95 is not None:
            basis, beyond = "paired", not ci95[0] <= 0 <= ci95[1]
        elif a.ci95 and b.ci95:
            basis, beyond = "overlap", a.ci95[1] < b.ci95[0] or b.ci95[1] < a.ci95[0]
    unknown = Cause("unknown", "nothing that the manifests know of")
    return Change(
        **key,  # type: ignore[arg-type]
        a=a,
        b=b,
        difference=None if a.value is None or b.value is None else b.value - a.value,
        ci95=ci95,
        basis=basis,
        beyond=beyond,
        records_changed=records_changed,
        causes=origins.causes(METRICS_MANIFEST.format(**key)) or (unknown,),
    )


class _Pair:
    """The records behind a strict score before and after."""

    def __init__(
        self,
        key: dict[str, str | int],
        scores: Sequence[Score],
        folders: Sequence[Path],
        read: Read,
    ) -> None:
        self._scores, self._setting, self._seed = scores, str(key["setting"]), int(key["seed"])
        manifests = [folder / METRICS_MANIFEST.format(**key) for folder in folders]
        names = {_metric_name(path) for path in manifests}
        self._metric = names.pop() if len(names) == 1 else None
        self._outcomes = [
            read(folder / OUTCOMES.format(**key), self._metric).get(self._setting)
            for folder in folders
        ]

    @property
    def records_changed(self) -> int | None:
        """How many of the shared ones contribute another value; None if that is not known."""
        then, now = self._outcomes
        if then is None or now is None:
            return None
        (one,), (other,) = then.seeds, now.seeds
        return sum(one[sample] != other[sample] for sample in one.keys() & other.keys())

    @property
    def interval(self) -> tuple[float, float] | None:
        """The interval of the difference, B minus A, over the samples that both have.

        If the formula has changed, or no record has, pairs of records say nothing about it.
        """
        then, now = self._outcomes
        if then is None or now is None or not self._metric or not self.records_changed:
            return None
        measure = metric(self._metric)
        pairs = zip(self._scores, (then, now), strict=True)
        if not all(_is_score(score, outcomes, measure) for score, outcomes in pairs):
            return None
        contrast = ModelsContrast(kind="models", pairs=(("B", "A"),), settings=(self._setting,))
        settings = DifferencesSettings(
            metric=self._metric,
            models=dict.fromkeys("AB", ComparedModel(seeds=(self._seed,))),
            contrasts={"diff": contrast},
            resamples=RESAMPLES,
            permutations=PERMUTATIONS,
        )
        sides = {"A": {self._setting: then}, "B": {self._setting: now}}
        # They may share too few samples, or these may have other references.
        with suppress(InputError):
            (found,) = differences(list(task_sides(settings, sides)), settings)
            return found.ci95
        return None


def _metric_name(manifest: Path) -> str | None:
    """Name of the metric's module, from the manifest of a score."""
    task = read_manifest(manifest).settings.get("task") if manifest.is_file() else None
    return task.get("metric") if isinstance(task, dict) else None


def _outcomes(path: Path, name: str | None) -> dict[str, Outcomes]:
    """The outcomes of a file by setting; none of one that is missing or of other terms, as an
    earlier version of the metric may have summed."""
    with suppress(InputError):
        return read_outcomes([path], metric(name)) if name and path.is_file() else {}
    return {}


def _is_score(score: Score, outcomes: Outcomes, measure: Metric) -> bool:
    """Whether the metric, as it is now, makes the score of these records."""
    value = float(measure.values(column_totals(outcomes.sums(measure, outcomes.samples))))
    # Another machine may add up in another order.
    return score.value is not None and math.isclose(value, score.value, abs_tol=1e-9)
