"""Compares the scores of two results directories: which changed, whether by more than chance, and
why. A is before, B after."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd

from ecslm.common.errors import InputError
from ecslm.common.manifests import read_manifest
from ecslm.common.text import number_of
from ecslm.common.tidy_rows import read_tidy
from ecslm.provenance.why import Change, changes
from ecslm.schemas import paths
from ecslm.schemas.paths import METRICS_MANIFEST, SCORES_PARQUET
from ecslm.tables.model import MISSING

# What names a score, in the order of sorting, and what it says.
KEY = ["task", "setting", "model", "seed", "protocol"]
VALUES = ["value", "low", "high", "n", "invalid", "truncated"]
# What is shown of a change, with its heads.
COLUMNS = {
    **{"task": "Task", "setting": "Setting", "model": "Model", "seed": "Seed"},
    **{"protocol": "Protocol", "a.value": "A", "b.value": "B", "difference": "B - A"},
    **{"beyond": "Beyond", "b.n": "Records"},
}
# The folder of a study in the paths of manifests, which may be another one now.
OF_A_STUDY = re.compile(rf"^{paths.TOP}/(?!(?:{'|'.join(paths.SHARED)})/)[^/]+/")
# Causes of one change that are shown; there may be as many as definitions of code.
MOST_CAUSES = 8
NOTE = "\nBeyond: the change is more than chance: the two 95 % intervals do not overlap."


def compare_scores(before: Path, after: Path) -> dict[str, Any]:
    """Compare the results of two studies, or of one study at two times.

    Returns:
        All differences, as JSON has them: `compared`, the number of scores that both have;
        `missing`, of each side how many scores only it has, and the names of the first of them; and
        `cells`, those that changed.
        `beyond` is whether the two 95 % intervals do not overlap; None where there is none.

    Raises:
        InputError: the scores were altered, or the two have none in common.
        OSError: a directory has no scores.
    """
    frames = [_read_scores(folder) for folder in (before, after)]
    rows = pd.merge(*frames, on=KEY, how="outer", suffixes=("_a", "_b"), indicator="side")
    both = rows[rows["side"] == "both"].sort_values(KEY)
    if both.empty:
        raise InputError(f"{before} and {after}: no model, seed, task and setting in common")
    cells = []
    for row in both.to_dict("records"):
        a, b = ({name: row[f"{name}_{side}"] for name in VALUES} for side in "ab")
        if a != b:
            cell = {name: row[name] for name in KEY} | {"a": a, "b": b}
            cell |= {"difference": None, "beyond": None}
            if None not in (a["value"], b["value"]):
                cell["difference"] = b["value"] - a["value"]
            if None not in (a["low"], b["low"]):
                cell["beyond"] = a["high"] < b["low"] or b["high"] < a["low"]
            causes = _causes(before, after, METRICS_MANIFEST.format(**cell))
            cells.append(cell | {"causes": list(map(asdict, causes))})
    missing = [
        {"side": side, "first": only[KEY].iloc[0].to_dict(), "cells": len(only)}
        for side, name in (("A", "left_only"), ("B", "right_only"))
        if len(only := rows[rows["side"] == name])
    ]
    return {
        "a": str(before),
        "b": str(after),
        "compared": len(both),
        "changed": len(cells),
        "beyond": sum(cell["beyond"] is True for cell in cells),
        "missing": missing,
        "cells": cells,
    }


def as_text(found: Mapping[str, Any]) -> str:
    """What is missing, then the changed scores by what changed them, for a terminal."""
    changed = "none changed"
    if found["cells"]:
        changed = f"{found['changed']:,} changed, {found['beyond']:,} of them beyond their interval"
    cells = number_of(found["compared"], "cell")
    lines = [f"A {found['a']}, B {found['b']}: {cells} in both, {changed}"]
    for one in found["missing"]:
        first = ", ".join(map(str, one["first"].values()))
        lines.append(f"only in {one['side']}: {number_of(one['cells'], 'cell')}, first {first}")
    by_causes: dict[str, list[dict[str, Any]]] = {}
    for cell in found["cells"]:
        causes = [f"{one['kind']}: {one['words']}" for one in cell["causes"]]
        more = ["..."] * (len(causes) > MOST_CAUSES)
        by_causes.setdefault("\n".join((*causes[:MOST_CAUSES], *more)), []).append(cell)
    for told, some in by_causes.items():
        # Of a column without any value None would be shown as such.
        table = pd.json_normalize(some)[[*COLUMNS]].rename(columns=COLUMNS).fillna(float("nan"))
        table["Beyond"] = table["Beyond"].map({True: "yes", False: "no"})
        shown = table.to_string(index=False, na_rep=MISSING, float_format="{:.3g}".format)
        lines += ["", told, shown]
    return "\n".join([*lines, *([NOTE] if by_causes else [])])


def _read_scores(folder: Path) -> pd.DataFrame:
    if not (folder / SCORES_PARQUET).is_file():
        raise InputError(f"{folder}: no {SCORES_PARQUET}: name the results of a study that has run")
    # Neither means over seeds nor published results.
    rows = [row for row in read_tidy(folder / SCORES_PARQUET) if row["seed"] is not None]
    return pd.DataFrame(rows, columns=[*KEY, *VALUES], dtype=object)


def _causes(before: Path, after: Path, name: str) -> Iterator[Change]:
    """Why the scores of two manifests of one name differ."""
    both = [folder / name for folder in (before, after)]
    if absent := [str(path) for path in both if not path.is_file()]:
        return iter([Change("unknown", f"no {' and no '.join(absent)}")])
    then, now = (
        made.model_copy(
            update={"inputs": {OF_A_STUDY.sub("", x): y for x, y in made.inputs.items()}}
        )
        for made in map(read_manifest, both)
    )
    return changes(then, now)
