"""Compares the scores of two results directories: which changed, whether by more than chance, and
why. A is before, B after."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd

from ecslm.common.errors import InputError
from ecslm.common.hashing import sha256_of_file
from ecslm.common.manifests import manifest_of, read_manifest, verify_result
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
UNEXPLAINED = Change("unknown", "nothing that the manifests know of")


def compare_scores(before: Path, after: Path) -> dict[str, Any]:
    """Compare the results of two studies, or of one study at two times.

    Returns:
        All differences, as JSON has them: `compared`, the number of scores that both have;
        `missing`, of each side how many scores only it has, and the `names` that the other side
        lacks, or those of the first such score if the other side has each name; and `cells`, those
        that changed.
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
    causes = Origins(before, after).causes
    differ = [any(row[f"{x}_a"] != row[f"{x}_b"] for x in VALUES) for _, row in both.iterrows()]
    cells = [_cell(row, causes) for row in both[differ].to_dict("records")]
    missing = [
        {"side": side, "names": _lacking(only, others), "cells": len(only)}
        for side, name, others in (("A", "left_only", frames[1]), ("B", "right_only", frames[0]))
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
        names = ", ".join(f"{name} {', '.join(map(str, of))}" for name, of in one["names"].items())
        lines.append(f"only in {one['side']}: {names} ({number_of(one['cells'], 'cell')})")
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


def _lacking(only: pd.DataFrame, others: pd.DataFrame) -> dict[str, list[Any]]:
    """The names in rows of one side that the other side has nowhere; those of the first row, as an
    example, if each alone is there."""
    known = {name: sorted(set(only[name]) - set(others[name])) for name in KEY}
    return {name: one for name, one in known.items() if one} or {
        name: [only[name].iloc[0]] for name in KEY
    }


def _cell(row: Mapping[Any, Any], causes_of: Callable[[str], Iterable[Change]]) -> dict[str, Any]:
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
        "causes": [
            asdict(cause) for cause in causes_of(METRICS_MANIFEST.format(**key)) or [UNEXPLAINED]
        ],
    }


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
                again = "was computed again, with other bytes: on another machine, or not"
                unknown = Change("unknown", f"{path} {again} deterministically")
                found += self.causes(made) or [unknown]
        return tuple(dict.fromkeys(found))

    def _made_by(self, file: Path) -> str | None:
        """The manifest of an input, if both directories have it."""
        for name in (manifest_of(file), file.with_name("manifest.json")):
            if all((folder / name).is_file() for folder in self.folders):
                return name.as_posix()
        return None


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
