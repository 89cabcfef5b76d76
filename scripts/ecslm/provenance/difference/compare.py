"""Comparing the cells of two results directories."""

import math
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from ecslm.common.errors import InputError
from ecslm.comparisons.settings import ComparedModel, DifferencesSettings, ModelsContrast
from ecslm.comparisons.sides import task_sides
from ecslm.comparisons.testing import differences
from ecslm.provenance.difference.cells import CellKey, ResultsFolder, ScoreCell
from ecslm.provenance.difference.origins import Cause, Origins
from ecslm.scoring.metrics.arithmetic import column_totals
from ecslm.scoring.metrics.protocol import Metric, metric
from ecslm.scoring.outcomes import Outcomes

Basis = Literal["paired", "overlap"]

# Of the bootstrap. The p-value is not asked for.
RESAMPLES, PERMUTATIONS = 2_000, 1
# Combinations of names by which missing cells are described, the fewest names first.
WHOLES: tuple[tuple[str, ...], ...] = (
    ("model",),
    ("task",),
    ("setting",),
    ("protocol",),
    ("model", "seed"),
    ("model", "task"),
    ("model", "seed", "task"),
    ("model", "seed", "task", "setting"),
    ("model", "seed", "task", "setting", "protocol"),
)


@dataclass(frozen=True)
class Change:
    """A cell that differs between two directories.

    `beyond` is whether it differs by more than chance: the 95 % interval of the paired difference
    lies on one side of 0 or, where records cannot be paired, the two intervals do not overlap. None
    where there is no interval.
    """

    key: CellKey
    before: ScoreCell
    after: ScoreCell
    basis: Basis | None
    difference: float | None
    ci95: tuple[float, float] | None
    beyond: bool | None
    records_changed: int | None
    """Number of shared records that contribute another value to the strict score; None if unknown.
    """
    causes: tuple[Cause, ...]


@dataclass(frozen=True)
class Missing:
    """Cells that only one directory has: as few names as describe them, and their number."""

    side: Literal["A", "B"]
    names: dict[str, str | int]
    cells: int


@dataclass(frozen=True)
class ResultsDiff:
    """All differences of two directories, A before and B after."""

    compared: int
    changes: tuple[Change, ...]
    missing: tuple[Missing, ...]

    @property
    def beyond(self) -> int:
        """How many cells differ by more than chance."""
        return sum(change.beyond is True for change in self.changes)


def diff_results(before: ResultsFolder, after: ResultsFolder) -> ResultsDiff:
    """Compare two directories.

    Raises:
        InputError: they have no cell in common, or a file is invalid or was altered.
    """
    shared = sorted(before.cells.keys() & after.cells.keys())
    if not shared:
        raise InputError(
            f"{before.path} and {after.path}: no model, seed, task and setting in common"
        )
    origins = Origins(before, after)
    return ResultsDiff(
        compared=len(shared),
        changes=tuple(
            _change(key, before, after, origins)
            for key in shared
            if before.cells[key] != after.cells[key]
        ),
        missing=(
            *_missing("A", before.cells.keys(), after.cells.keys()),
            *_missing("B", after.cells.keys(), before.cells.keys()),
        ),
    )


def _change(key: CellKey, before: ResultsFolder, after: ResultsFolder, origins: Origins) -> Change:
    cells = before.cells[key], after.cells[key]
    basis, ci95, beyond = _beyond(key, before, after)
    strict = key.protocol == "strict"
    values = [cell.value for cell in cells]
    known = [value for value in values if value is not None]
    return Change(
        key=key,
        before=cells[0],
        after=cells[1],
        basis=basis,
        difference=known[1] - known[0] if len(known) == 2 else None,
        ci95=ci95,
        beyond=beyond,
        records_changed=_records_changed(key, before, after) if strict else None,
        causes=origins.causes(before.score_manifest(key))
        or (Cause("unknown", "nothing that the manifests know of"),),
    )


def _beyond(
    key: CellKey, before: ResultsFolder, after: ResultsFolder
) -> tuple[Basis | None, tuple[float, float] | None, bool | None]:
    """How the cells are compared, the interval of their difference if they are paired, and whether
    they differ by more than chance. Only strict scores have intervals.
    """
    if key.protocol != "strict":
        return None, None, None
    ci95 = _paired_interval(key, before, after)
    if ci95 is not None:
        return "paired", ci95, not ci95[0] <= 0 <= ci95[1]
    one, other = before.cells[key].ci95, after.cells[key].ci95
    if one is None or other is None:
        return None, None, None
    return "overlap", None, one[1] < other[0] or other[1] < one[0]


def _paired_interval(
    key: CellKey, before: ResultsFolder, after: ResultsFolder
) -> tuple[float, float] | None:
    """The interval of the difference, B minus A, over the samples that both have."""
    then, now, name = before.outcomes(key), after.outcomes(key), after.metric_name(key)
    if then is None or now is None or name is None or name != before.metric_name(key):
        return None
    measure = metric(name)
    same_formula = _is_score(before.cells[key], then, measure) and _is_score(
        after.cells[key], now, measure
    )
    # If the formula has changed, or records are not shared, pairs of records say nothing about the
    # difference.
    if not (same_formula and _records_changed(key, before, after)):
        return None
    contrast = ModelsContrast(kind="models", pairs=(("B", "A"),), settings=(key.setting,))
    settings = DifferencesSettings(
        metric=name,
        models=dict.fromkeys("AB", ComparedModel(seeds=(key.seed,))),
        contrasts={"diff": contrast},
        resamples=RESAMPLES,
        permutations=PERMUTATIONS,
    )
    outcomes = {"A": {key.setting: then}, "B": {key.setting: now}}
    try:
        (found,) = differences(list(task_sides(settings, outcomes)), settings)
    except InputError:
        # They share too few samples, or these have other references.
        return None
    return found.ci95


def _is_score(cell: ScoreCell, outcomes: Outcomes, measure: Metric) -> bool:
    """Whether the metric, as it is now, makes the score of these records."""
    value = float(measure.values(column_totals(outcomes.sums(measure, outcomes.samples))))
    # Another machine may add up in another order.
    return cell.value is not None and math.isclose(value, cell.value, abs_tol=1e-9)


def _records_changed(key: CellKey, before: ResultsFolder, after: ResultsFolder) -> int | None:
    then, now = before.outcomes(key), after.outcomes(key)
    if then is None or now is None:
        return None
    (one,), (other,) = then.seeds, now.seeds
    return sum(one[sample] != other[sample] for sample in one.keys() & other.keys())


def _missing(
    side: Literal["A", "B"], keys: Iterable[CellKey], others: Iterable[CellKey]
) -> Iterator[Missing]:
    known = {whole: {_of(key, whole) for key in others} for whole in WHOLES}
    found: Counter[tuple[tuple[str, ...], tuple[str | int, ...]]] = Counter()
    for key in sorted(set(keys) - set(others)):
        whole = next(one for one in WHOLES if _of(key, one) not in known[one])
        found[whole, _of(key, whole)] += 1
    for (whole, values), count in found.items():
        yield Missing(side, dict(zip(whole, values, strict=True)), count)


def _of(key: CellKey, whole: tuple[str, ...]) -> tuple[str | int, ...]:
    return tuple(getattr(key, name) for name in whole)
