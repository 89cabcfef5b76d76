"""Compares the scores of two results directories: which changed, and whether by more than chance.

A is before, B after.
"""

import math
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from ecslm.common.errors import InputError
from ecslm.common.hashing import sha256_of_file
from ecslm.common.manifests import read_manifest, verify_result
from ecslm.comparisons.settings import ComparedModel, DifferencesSettings, ModelsContrast
from ecslm.comparisons.sides import task_sides
from ecslm.comparisons.testing import differences
from ecslm.provenance.changes import Change
from ecslm.provenance.score_origins import Origins, seen_from_study
from ecslm.schemas.paths import METRICS_MANIFEST, OUTCOMES, SCORES_MANIFEST, SCORES_PARQUET
from ecslm.scoring.metrics.arithmetic import column_totals
from ecslm.scoring.metrics.protocol import metric
from ecslm.scoring.outcomes import Outcomes, read_outcomes

Side = Literal["A", "B"]
Interval = tuple[float, float]
# What names a score, in the order of sorting, and what it says.
KEY = ["task", "setting", "model", "seed", "protocol"]
VALUES = ["value", "low", "high", "n", "invalid", "truncated"]
# Combinations of names by which missing scores are described, the fewest names first.
WHOLES = (
    *(["model"], ["task"], ["setting"], ["protocol"], ["model", "seed"], ["model", "task"]),
    *(["model", "seed", "task"], ["model", "seed", "task", "setting"], KEY),
)
# Of the bootstrap. The p-value is not asked for.
RESAMPLES, PERMUTATIONS = 2_000, 1


@dataclass(frozen=True)
class Score:
    """A score: its value, None if it is not defined, its interval if it has one, and counts.

    `invalid` is None of a scorer that does not tell what it cannot read.
    """

    value: float | None
    ci95: Interval | None
    n: int
    invalid: int | None
    truncated: int | None


@dataclass(frozen=True)
class ChangedScore:
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
    ci95: Interval | None
    basis: Literal["paired", "overlap"] | None
    beyond: bool | None
    records_changed: int | None
    """Number of shared records that contribute another value to the strict score; None if unknown.
    """
    causes: tuple[Change, ...]


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
    changes: tuple[ChangedScore, ...]
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
    scores = _read_scores(before), _read_scores(after)
    both = pd.merge(*scores, on=KEY, suffixes=("_a", "_b")).sort_values(KEY)
    if both.empty:
        raise InputError(f"{before} and {after}: no model, seed, task and setting in common")
    origins = Origins(before, after)
    return Comparison(
        a=str(before),
        b=str(after),
        compared=len(both),
        changes=tuple(
            _change({name: row[name] for name in KEY}, a, b, origins)
            for row in both.to_dict("records")
            if (a := _score(row, "_a")) != (b := _score(row, "_b"))
        ),
        missing=(*missing("A", *scores), *missing("B", *reversed(scores))),
    )


def missing(side: Side, scores: pd.DataFrame, others: pd.DataFrame) -> Iterator[Missing]:
    """What only the first of two tables of scores has."""
    for names in WHOLES:
        known = set(others[names].itertuples(index=False, name=None))
        lacking = [of not in known for of in scores[names].itertuples(index=False, name=None)]
        for values, rows in scores.loc[lacking].groupby(names, sort=False):
            yield Missing(side, dict(zip(names, values, strict=True)), len(rows))
        scores = scores.loc[[not one for one in lacking]]


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


def _score(row: dict[str, Any], side: str) -> Score:
    value, low, high, n, invalid, truncated = (row[f"{name}{side}"] for name in VALUES)
    return Score(value, None if low is None else (low, high), n, invalid, truncated)


def _change(key: dict[str, Any], a: Score, b: Score, origins: Origins) -> ChangedScore:
    basis: Literal["paired", "overlap"] | None = None
    ci95, beyond, records_changed = None, None, None
    # Only strict scores have intervals.
    if key["protocol"] == "strict":
        records_changed, ci95 = _paired(key, (a, b), origins.folders)
        if ci95 is not None:
            basis, beyond = "paired", not ci95[0] <= 0 <= ci95[1]
        elif a.ci95 and b.ci95:
            basis, beyond = "overlap", a.ci95[1] < b.ci95[0] or b.ci95[1] < a.ci95[0]
    unknown = Change("unknown", "nothing that the manifests know of")
    return ChangedScore(
        **key,
        a=a,
        b=b,
        difference=None if a.value is None or b.value is None else b.value - a.value,
        ci95=ci95,
        basis=basis,
        beyond=beyond,
        records_changed=records_changed,
        causes=origins.causes(METRICS_MANIFEST.format(**key)) or (unknown,),
    )


def _paired(
    key: dict[str, Any], scores: Sequence[Score], folders: Sequence[Path]
) -> tuple[int | None, Interval | None]:
    """How many shared records contribute another value to a strict score, and the interval of the
    difference, B minus A, over these records; None where that is not known.

    If the formula has changed, or no record has, pairs of records say nothing about it.
    """
    names = [_metric_name(folder / METRICS_MANIFEST.format(**key)) for folder in folders]
    if (name := names[0]) is None or name != names[1]:
        return None, None
    # A file may be missing or of other terms, as an earlier version of the metric may have summed.
    try:
        read = [read_outcomes([x / OUTCOMES.format(**key)], metric(name)) for x in folders]
        then, now = (outcomes[key["setting"]] for outcomes in read)
    except (InputError, KeyError):
        return None, None
    (one,), (other,) = then.seeds, now.seeds
    changed = sum(one[sample] != other[sample] for sample in one.keys() & other.keys())
    pairs = zip(scores, (then, now), strict=True)
    if not changed or not all(_is_score(*pair, name) for pair in pairs):
        return changed, None
    contrast = ModelsContrast(kind="models", pairs=(("B", "A"),), settings=(key["setting"],))
    settings = DifferencesSettings(
        metric=name,
        models=dict.fromkeys("AB", ComparedModel(seeds=(key["seed"],))),
        contrasts={"diff": contrast},
        resamples=RESAMPLES,
        permutations=PERMUTATIONS,
    )
    sides = {"A": {key["setting"]: then}, "B": {key["setting"]: now}}
    # They may share too few samples, or these may have other references.
    with suppress(InputError):
        (found,) = differences(list(task_sides(settings, sides)), settings)
        return changed, found.ci95
    return changed, None


def _metric_name(manifest: Path) -> str | None:
    """Name of the metric's module, from the manifest of a score."""
    task = read_manifest(manifest).settings.get("task") if manifest.is_file() else None
    return task.get("metric") if isinstance(task, dict) else None


def _is_score(score: Score, outcomes: Outcomes, name: str) -> bool:
    """Whether the metric, as it is now, makes the score of these records."""
    measure = metric(name)
    value = float(measure.values(column_totals(outcomes.sums(measure, outcomes.samples))))
    # Another machine may add up in another order.
    return score.value is not None and math.isclose(value, score.value, abs_tol=1e-9)
