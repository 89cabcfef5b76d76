"""Compares the scores of two results directories: which changed, whether by more than chance, and
why. A is before, B after."""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ecslm.common.errors import InputError
from ecslm.common.hashing import sha256_of_file
from ecslm.common.manifests import manifest_of, read_manifest, verify_result
from ecslm.common.text import number_of
from ecslm.provenance.why import Change, input_changes, own_changes
from ecslm.schemas import paths
from ecslm.schemas.paths import METRICS_MANIFEST, OUTCOMES, SCORES_MANIFEST, SCORES_PARQUET
from ecslm.scoring.intervals import bootstrap_values
from ecslm.scoring.metrics.arithmetic import column_totals
from ecslm.scoring.metrics.protocol import metric
from ecslm.scoring.outcomes import read_outcomes
from ecslm.tables.model import MISSING, score_text

# What names a score, in the order of sorting, and what it says.
KEY = ["task", "setting", "model", "seed", "protocol"]
VALUES = ["value", "low", "high", "n", "invalid", "truncated"]
# Of the bootstrap, and the percentiles of its interval.
RESAMPLES, SEED, ENDS = 2_000, 0, (2.5, 97.5)
# The folder of a study in the paths of manifests, which may be another one now.
OF_A_STUDY = re.compile(rf"^{paths.TOP}/(?!(?:{'|'.join(paths.SHARED)})/)[^/]+/")
# Columns that name a score: where all rows have the same value, it stands above them once.
NAMES = 4
NOTE = (
    "\nBeyond: whether the change is more than chance: records are paired, and the 95 % interval of"
    "\nB - A lies on one side of 0. *: they cannot be paired, and the two intervals do not overlap."
    "\nRecords: how many contribute another value to the score, of all."
)
# Causes of one change that are listed; there may be as many as definitions of code.
MOST_CAUSES = 8

Cell = Mapping[str, Any]


def compare_scores(before: Path, after: Path) -> dict[str, Any]:
    """Compare the results of two studies, or of one study at two times.

    Returns:
        All differences, as JSON has them: `compared`, the number of scores that both have;
        `missing`, of each side the scores that only it has: `names` that the other side lacks, or
        those of the first such score if the other side has each name (`such_as`); and `cells`,
        those that changed.
        `beyond` is whether a cell changed by more than chance: the 95 % interval of the paired
        difference lies on one side of 0 or, where records cannot be paired (`basis` is `overlap`),
        the two intervals do not overlap. It is None where there is no interval.

    Raises:
        InputError: a directory has no scores, or they were altered, or are older than the metrics
            that they were collected from; or the two have none in common.
    """
    frames = [_read_scores(folder) for folder in (before, after)]
    rows = pd.merge(*frames, on=KEY, how="outer", suffixes=("_a", "_b"), indicator="side")
    both = rows[rows["side"] == "both"].sort_values(KEY)
    if both.empty:
        raise InputError(f"{before} and {after}: no model, seed, task and setting in common")
    origins = Origins(before, after)
    changed = [
        _cell({name: row[name] for name in KEY}, a, b, origins)
        for row in both.to_dict("records")
        for a, b in [[{name: row[f"{name}_{side}"] for name in VALUES} for side in "ab"]]
        if a != b
    ]
    missing = [
        {"side": side, **_lacking(only, others), "cells": len(only)}
        for side, name, others in (("A", "left_only", frames[1]), ("B", "right_only", frames[0]))
        if len(only := rows[rows["side"] == name])
    ]
    return {
        "a": str(before),
        "b": str(after),
        "compared": len(both),
        "changed": len(changed),
        "beyond": sum(cell["beyond"] is True for cell in changed),
        "missing": missing,
        "cells": changed,
    }


def as_text(found: Mapping[str, Any]) -> str:
    """What is missing, then the changed scores by what changed them, for a terminal."""
    changed = "none changed"
    if found["cells"]:
        changed = f"{found['changed']:,} changed, {found['beyond']:,} of them beyond their interval"
    cells = number_of(found["compared"], "cell")
    lines = [f"A {found['a']}, B {found['b']}: {cells} in both, {changed}"]
    for one in found["missing"]:
        names = (f"{name} {', '.join(map(str, of))}" for name, of in one["names"].items())
        such_as = "such as " if one["such_as"] else ""
        cells = number_of(one["cells"], "cell")
        lines.append(f"only in {one['side']}: {such_as}{', '.join(names)} ({cells})")
    by_causes: dict[tuple[str, ...], list[Cell]] = {}
    for cell in found["cells"]:
        causes = tuple(f"{one['kind']}: {one['words']}" for one in cell["causes"])
        by_causes.setdefault(causes, []).append(cell)
    for causes, cells_of in by_causes.items():
        lines += ["", *causes[:MOST_CAUSES]]
        lines += [f"and {len(causes) - MOST_CAUSES} more"] * (len(causes) > MOST_CAUSES)
        lines += _table(cells_of)
    return "\n".join([*lines, *([NOTE] if by_causes else [])])


def _read_scores(folder: Path) -> pd.DataFrame:
    path, manifest = folder / SCORES_PARQUET, folder / SCORES_MANIFEST
    if not path.is_file():
        raise InputError(f"{path}: no such file: name the results of a study that has been run")
    verify_result(path, manifest)
    for name, digest in read_manifest(manifest).inputs.items():
        file = folder / OF_A_STUDY.sub("", name)
        if file.is_relative_to(folder / "metrics") and sha256_of_file(file) != digest:
            raise InputError(f"{file}: not what {path} has: run the study to its end")
    frame = pd.read_parquet(path, columns=[*KEY, *VALUES])
    return frame.astype(object).where(frame.notna(), None)


def _lacking(only: pd.DataFrame, others: pd.DataFrame) -> dict[str, Any]:
    """The names in rows of one side that the other side has nowhere; those of the first row, as an
    example, if each alone is there."""
    known = {name: sorted(set(only[name]) - set(others[name])) for name in KEY}
    if names := {name: found for name, found in known.items() if found}:
        return {"names": names, "such_as": False}
    return {"names": {name: [only[name].iloc[0]] for name in KEY}, "such_as": True}


def _cell(key: dict[str, Any], a: Cell, b: Cell, origins: "Origins") -> dict[str, Any]:
    basis = ci95 = beyond = records = None
    if key["protocol"] == "strict":
        # Only strict scores have intervals.
        records, ci95 = _paired(key, (a["value"], b["value"]), origins.folders)
        if ci95 is not None:
            basis, beyond = "paired", not ci95[0] <= 0 <= ci95[1]
        elif a["low"] is not None and b["low"] is not None:
            basis, beyond = "overlap", a["high"] < b["low"] or b["high"] < a["low"]
    known = a["value"] is not None and b["value"] is not None
    unknown = Change("unknown", "nothing that the manifests know of")
    causes = origins.causes(METRICS_MANIFEST.format(**key)) or (unknown,)
    return {
        **key,
        "a": a,
        "b": b,
        "difference": b["value"] - a["value"] if known else None,
        "ci95": ci95,
        "basis": basis,
        "beyond": beyond,
        "records_changed": records,
        "causes": [asdict(cause) for cause in causes],
    }


def _paired(
    key: Mapping[str, Any], scores: Sequence[float | None], folders: Sequence[Path]
) -> tuple[int | None, tuple[float, float] | None]:
    """How many shared records contribute another value to a strict score, and the interval of the
    difference, B minus A; None where that is not known.

    If the formula has changed, or no record has, or the records are not the same, pairs of records
    say nothing about it.
    """
    # A file may be missing or of other terms, as an earlier version of the metric may have summed.
    try:
        manifests = [read_manifest(folder / METRICS_MANIFEST.format(**key)) for folder in folders]
        name, other = (made.settings["task"]["metric"] for made in manifests)
        measure = metric(name)
        read = [read_outcomes([folder / OUTCOMES.format(**key)], measure) for folder in folders]
        then, now = (outcomes[key["setting"]] for outcomes in read)
    except (InputError, KeyError, TypeError):
        return None, None
    if name != other:
        return None, None
    (one,), (two,) = then.seeds, now.seeds
    changed = sum(one[sample] != two[sample] for sample in one.keys() & two.keys())
    sums = [outcomes.sums(measure, outcomes.samples) for outcomes in (then, now)]
    values = [float(measure.values(column_totals(terms))) for terms in sums]
    # Another machine may add up in another order.
    same = all(
        score is not None and math.isclose(value, score, abs_tol=1e-9)
        for value, score in zip(values, scores, strict=True)
    )
    if not changed or not same or one.keys() != two.keys():
        return changed, None
    columns = sums[0].shape[1]
    resampled = bootstrap_values(
        np.hstack(sums),
        lambda totals: measure.values(totals[:, columns:]) - measure.values(totals[:, :columns]),
        RESAMPLES,
        SEED,
    )
    low, high = np.percentile(resampled, ENDS)
    return changed, (float(low), float(high))


class Origins:
    """Compares what the results of two directories were made from, by their manifests."""

    def __init__(self, *folders: Path) -> None:
        self.folders = folders
        # Definitions behind digests are recorded beside the directories of studies.
        beside = (folder.parent / paths.CODE_HISTORY.name for folder in folders)
        self._history = (*beside, paths.CODE_HISTORY)

    @cache  # noqa: B019 - one instance a process
    def causes(self, name: str) -> tuple[Change, ...]:
        """Why the results of a manifest differ, the nearest causes first, each once.

        Args:
            name: the manifest's path, relative to either directory.
        """
        files = [folder / name for folder in self.folders]
        if absent := [str(file) for file in files if not file.is_file()]:
            return (Change("unknown", f"no {' and no '.join(absent)}"),)
        then, now = map(read_manifest, files)
        found = [*own_changes(then, now, self._history)]
        inputs = (
            {OF_A_STUDY.sub("", path): digest for path, digest in made.inputs.items()}
            for made in (then, now)
        )
        for path, what in input_changes(*inputs):
            made = self._made_by(Path(path)) if what == "has changed" else None
            if made is None:
                found.append(Change("data", f"{path} {what}"))
            else:
                # Of the same code, settings, data and versions, yet with other bytes.
                again = (
                    f"{path} was computed again, with other bytes: on another machine, or not "
                    "deterministically"
                )
                found += self.causes(made) or [Change("unknown", again)]
        return tuple(dict.fromkeys(found))

    def _made_by(self, file: Path) -> str | None:
        """The manifest of an input, if both directories have it."""
        for name in (manifest_of(file), file.with_name("manifest.json")):
            if all((folder / name).is_file() for folder in self.folders):
                return name.as_posix()
        return None


def _table(cells: Sequence[Cell]) -> Iterator[str]:
    rows = pd.DataFrame(map(_row, cells))
    shared = [name for name in rows.columns[:NAMES] if len(rows) > 1 and rows[name].nunique() == 1]
    if shared:
        yield "  " + ", ".join(f"{name} {rows[name][0]}" for name in shared)
    for line in rows.drop(columns=shared).to_string(index=False).splitlines():
        yield f"  {line.rstrip()}"


def _row(cell: Cell) -> dict[str, str]:
    a, b, ci95, difference = cell["a"], cell["b"], cell["ci95"], cell["difference"]
    records = f"{b['n']:,}" if a["n"] == b["n"] else f"{a['n']:,} -> {b['n']:,}"
    if cell["records_changed"] is not None:
        records = f"{cell['records_changed']:,} of {records}"
    beyond = {None: MISSING, True: "yes", False: "no"}[cell["beyond"]]
    return {
        **{name.capitalize(): str(cell[name]) for name in KEY},
        "A": MISSING if a["value"] is None else score_text(a["value"]),
        "B": MISSING if b["value"] is None else score_text(b["value"]),
        "B - A": MISSING if difference is None else signed(difference),
        "95 % interval": MISSING if ci95 is None else " to ".join(map(signed, ci95)),
        "Beyond": f"{beyond}{'*' if cell['basis'] == 'overlap' else ''}",
        "Records": records,
    }


def signed(value: float) -> str:
    """A difference with its sign, and with more digits if three would show 0."""
    text = f"{value:+.3f}"
    return f"{value:+.1g}" if value and not float(text) else text
