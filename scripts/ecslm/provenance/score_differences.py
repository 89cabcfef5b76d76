"""Compares the scores of two results directories: which changed, whether by more than chance, and
why. A is before, B after."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from functools import cache, partial
from pathlib import Path
from typing import Any

import pandas as pd

from ecslm.common.errors import InputError
from ecslm.common.hashing import sha256_of_file
from ecslm.common.manifests import read_manifest, verify_result
from ecslm.common.text import number_of
from ecslm.provenance.why import Change, input_changes, own_changes
from ecslm.schemas import paths
from ecslm.schemas.paths import METRICS_MANIFEST, SCORES_MANIFEST, SCORES_PARQUET
from ecslm.tables.model import MISSING, score_text

# What names a score, in the order of sorting, and what it says.
KEY = ["task", "setting", "model", "seed", "protocol"]
VALUES = ["value", "low", "high", "n", "invalid", "truncated"]
# The folder of a study in the paths of manifests, which may be another one now.
OF_A_STUDY = re.compile(rf"^{paths.TOP}/(?!(?:{'|'.join(paths.SHARED)})/)[^/]+/")
NOTE = "\nBeyond: the change is more than chance: the two 95 % intervals do not overlap."
# Causes of one change that are listed; there may be as many as definitions of code.
MOST_CAUSES = 8


def compare_scores(before: Path, after: Path) -> dict[str, Any]:
    """Compare the results of two studies, or of one study at two times.

    Returns:
        All differences, as JSON has them: `compared`, the number of scores that both have;
        `missing`, of each side how many scores only it has, and the names of the first of them; and
        `cells`, those that changed.
        `beyond` is whether the two 95 % intervals do not overlap; None where there is none.

    Raises:
        InputError: a directory has no scores, or they were altered, or are older than the metrics
            that they were collected from; or the two have none in common.
    """
    frames = [_read_scores(folder) for folder in (before, after)]
    rows = pd.merge(*frames, on=KEY, how="outer", suffixes=("_a", "_b"), indicator="side")
    both = rows[rows["side"] == "both"].sort_values(KEY)
    if both.empty:
        raise InputError(f"{before} and {after}: no model, seed, task and setting in common")
    differ = [any(row[f"{x}_a"] != row[f"{x}_b"] for x in VALUES) for _, row in both.iterrows()]
    causes = cache(partial(_causes, before, after))
    cells = [_cell(row, causes) for row in both[differ].to_dict("records")]
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
    by_causes: dict[tuple[str, ...], list[dict[str, str]]] = {}
    for cell in found["cells"]:
        causes = tuple(f"{one['kind']}: {one['words']}" for one in cell["causes"])
        by_causes.setdefault(causes, []).append(_row(cell))
    for causes, shown in by_causes.items():
        more = [f"and {len(causes) - MOST_CAUSES} more"] * (len(causes) > MOST_CAUSES)
        table = pd.DataFrame(shown).to_string(index=False).splitlines()
        lines += ["", *causes[:MOST_CAUSES], *more, *(f"  {line.rstrip()}" for line in table)]
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


def _cell(row: Mapping[Any, Any], causes: Callable[[str], Iterable[Change]]) -> dict[str, Any]:
    """A changed score, whether by more than chance, and what the change comes from."""
    key = {name: row[name] for name in KEY}
    a, b = ({name: row[f"{name}_{side}"] for name in VALUES} for side in "ab")
    known, with_intervals = (None not in (a[name], b[name]) for name in ("value", "low"))
    return {
        **key,
        "a": a,
        "b": b,
        "difference": b["value"] - a["value"] if known else None,
        "beyond": a["high"] < b["low"] or b["high"] < a["low"] if with_intervals else None,
        "causes": [asdict(cause) for cause in causes(METRICS_MANIFEST.format(**key))],
    }


def _causes(before: Path, after: Path, name: str) -> tuple[Change, ...]:
    """Why the scores of two manifests differ: their code, settings, versions and inputs.

    Args:
        name: the path of both, relative to either directory.
    """
    manifests = [folder / name for folder in (before, after)]
    if absent := [str(path) for path in manifests if not path.is_file()]:
        return (Change("unknown", f"no {' and no '.join(absent)}"),)
    then, now = map(read_manifest, manifests)
    inputs = (
        {OF_A_STUDY.sub("", path): digest for path, digest in made.inputs.items()}
        for made in (then, now)
    )
    data = (Change("data", " ".join(one)) for one in input_changes(*inputs))
    return (*own_changes(then, now), *data)


def _row(cell: Mapping[str, Any]) -> dict[str, str]:
    a, b = cell["a"], cell["b"]
    values = [MISSING if one["value"] is None else score_text(one["value"]) for one in (a, b)]
    return {
        **{name.capitalize(): str(cell[name]) for name in KEY},
        "A": values[0],
        "B": values[1],
        # However small: three decimals may show 0.
        "B - A": MISSING if cell["difference"] is None else f"{cell['difference']:+.2g}",
        "Beyond": {None: MISSING, True: "yes", False: "no"}[cell["beyond"]],
        "Records": f"{b['n']:,}" if a["n"] == b["n"] else f"{a['n']:,} -> {b['n']:,}",
    }
