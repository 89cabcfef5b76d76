"""Shows by samples that other code, or other versions, compute the bytes of finished results.

Finished jobs that other code would compute again are grouped by what made them. Of each group the
smallest jobs are computed again in a folder of their own, without the cache of results: one at
least for each value of each setting, base, adapter or none, and one at random. If manifests and
results are equal, but for what costs are told in, and if every definition that has changed was
executed, the new pair of code and versions is recorded as equal to the old one.
"""

import ast
import json
import os
import random
import shlex
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import zip_longest
from pathlib import Path
from typing import Any

from ecslm.common.equal_code import (
    EQUAL,
    Equal,
    Evidence,
    Pair,
    record_equal,
    records,
    representative,
)
from ecslm.common.errors import InputError
from ecslm.common.hashing import canonical_json, sha256_of_file
from ecslm.common.manifests import Manifest, read_manifest
from ecslm.common.results_cache import ROOT_VARIABLE
from ecslm.common.validation import read_model
from ecslm.common.versions import lock_versions
from ecslm.common.worker.place import RUN_VARIABLE
from ecslm.fingerprint.digest import SCRIPTS, code_of, definition_digests
from ecslm.fingerprint.running import code_parameter
from ecslm.models.prompts import as_parameter
from ecslm.prediction.backend import modules_of, read_prediction_settings
from ecslm.provenance.changes import dotted
from ecslm.schemas.paths import CODE_HISTORY

# Python, with the arguments of `run_noting`; it would have the working directory among its paths.
NOTING = (
    "import sys; sys.path[0] = sys.argv[2]; "
    "from ecslm.fingerprint.executed import run_noting; run_noting(*sys.argv[1:])"
)
STEPS = ("train_adapter", "predict", "bertscore")
FOLDERS = ("adapters", "predictions", "bertscore")
# Options that name what a step writes, and the cache of BERTScores.
WRITTEN = ("--output", "--manifest", "--cost", "--log", "--cache")
# Fields of a manifest that differ between pairs of code and versions, or are compared otherwise.
OF_THE_PAIR = {"code", "versions", "action", "files"}


@dataclass(frozen=True)
class DueJob:
    """A job that Snakemake would run."""

    rule: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    command: str

    @cached_property
    def words(self) -> list[str]:
        """The words of the command, from the script on."""
        return shlex.split(self.command)[1:]

    def option(self, name: str) -> str | None:
        """The value of an option of the command, the first of several."""
        return self.words[self.words.index(name) + 1] if name in self.words else None

    @property
    def manifest(self) -> Path:
        """The manifest of its results."""
        return Path(self.option("--manifest") or self.option("--output") or "")

    @property
    def settings(self) -> dict[str, Any]:
        """The value of `--settings`."""
        return dict(json.loads(self.option("--settings") or "{}"))

    @property
    def script(self) -> str:
        """The name of its script."""
        return Path(self.words[0]).name

    @property
    def modules(self) -> tuple[str, ...]:
        """Modules that its script loads by name."""
        given = self.option("--settings")
        return modules_of(read_prediction_settings(given)) if self.rule == "predict" else ()

    def pair(self, libraries: Iterable[str]) -> Pair:
        """What would make its results now, with these libraries."""
        code = code_parameter(self.script, self.modules)
        return Pair(code=code, versions=lock_versions(libraries))


@dataclass(frozen=True)
class Finished:
    """A due job of which nothing has changed but code or versions since it was done."""

    job: DueJob
    made: Manifest

    @property
    def size(self) -> tuple[int, int, str]:
        """By which the smallest jobs are found: bytes of records, then of results."""
        records = sum(Path(x).stat().st_size for x in self.job.inputs if x.endswith(".jsonl"))
        folder = self.made.location(self.job.manifest)
        results = sum((folder / name).stat().st_size for name in self.made.files)
        return records, results, str(self.job.manifest)

    @property
    def traits(self) -> set[str]:
        """What the samples must have among them, if any job of a group has it."""
        base = self.job.option("--base") or self.job.option("--encoder")
        tuned = self.job.option("--adapter") is not None
        return {f"base {base}", f"adapter {tuned}"} | {
            f"{name} {canonical_json(value)}" for name, value in dotted(self.job.settings).items()
        }


def finished_jobs(due: Iterable[DueJob]) -> list[Finished]:
    """The jobs of `STEPS` that are due for their code or versions alone.

    Raises:
        InputError: what such a job reads is going to be made again first.
    """
    due = list(due)
    sources = {path for job in due if job.rule not in STEPS for path in job.outputs}
    found: list[Finished] = []
    problems: set[str] = set()
    for job in due:
        if job.rule not in STEPS or not job.manifest.is_file():
            continue
        made = read_manifest(job.manifest)
        template = None if made.template_sha256 is None else as_parameter(made.template_sha256)
        if (
            made.settings == job.settings
            and made.action is not None
            and template == job.option("--template-digest")
            and made.inputs == {x: sha256_of_file(Path(x)) for x in job.inputs if Path(x).exists()}
            # Otherwise it is due for another job that is.
            and representative(_pair(made)) != representative(job.pair(made.versions))
        ):
            found.append(Finished(job, made))
            problems |= sources & set(job.inputs)
    if problems:
        raise InputError(
            f"{' '.join(sorted(problems)[:3])}: to be made again before what is computed from it: "
            f"run `snakemake --cores all -- {' '.join(sorted(problems))}` first"
        )
    return found


def groups_of(found: Iterable[Finished]) -> list[list[Finished]]:
    """The jobs, apart by step, by their code now, and by what made them."""
    groups: dict[tuple[str, str | None, str], list[Finished]] = {}
    for one in found:
        key = one.job.rule, one.job.option("--code"), representative(_pair(one.made)).name
        groups.setdefault(key, []).append(one)
    return list(groups.values())


def samples(group: Sequence[Finished]) -> list[Finished]:
    """The smallest jobs that have all traits of a group among them, and one of the others."""
    chosen: list[Finished] = []
    seen: set[str] = set()
    ordered = sorted(group, key=lambda one: one.size)
    for one in ordered:
        if not one.traits <= seen:
            seen |= one.traits
            chosen.append(one)
    others = [one for one in ordered if one not in chosen]
    return [*chosen, *random.sample(others, min(1, len(others)))]


def accept(group: Sequence[Finished], chosen: Sequence[Finished], folder: Path) -> list[Path]:
    """Compute samples of a group again; record what was shown.

    Args:
        folder: an empty directory for what they write, outside of `results`.

    Raises:
        InputError: a sample fails, or has other results; or no sample has executed a definition
            that has changed, or that is not known; or what is shown contradicts a record.
    """
    shown: dict[str, tuple[Pair, list[Evidence]]] = {}
    ran: set[tuple[str, str]] = set()
    problems: list[str] = []
    for number, one in enumerate(chosen):
        again, executed_there = _computed(one.job, folder / str(number))
        ran |= executed_there
        problems += _differences(one, again)
        pair = _pair(read_manifest(again))
        shown.setdefault(pair.name, (pair, []))[1].append(
            Evidence(job=str(one.job.manifest), key=str(one.made.action), files=one.made.files)
        )
    problems += _not_executed(group, ran)
    if problems:
        raise InputError(*problems)
    standing = representative(_pair(group[0].made))
    return [
        record_equal(Equal(new=pair, representative=standing, evidence=tuple(evidence)))
        for pair, evidence in shown.values()
        if pair != standing
    ]


def revoked(name: str) -> list[Path]:
    """Remove a record, and the results that the pair has made under the name of its representative.

    A run makes these again: from the cache, if the code is still that of the pair.

    Returns:
        What was removed: the record, and manifests.

    Raises:
        InputError: there is no such record.
    """
    known = {one.new.name: one for one in records()}
    if name not in known:
        names = ", ".join(sorted(known)) or "none"
        raise InputError(f"--revoke: {name}: nothing of this name was accepted; there is: {names}")
    record, manifests = EQUAL / f"{name}.json", []
    for path in sorted(Path("results").glob("*/*/**/*manifest.json")):
        made = read_manifest(path) if path.parts[2] in FOLDERS else None
        if made and _pair(made) == known[name].new:
            manifests.append(path)
            # The manifest last: results without one are refused.
            for file in (*map(made.location(path).joinpath, made.files), path):
                file.unlink(missing_ok=True)
    # Only now: what is interrupted may be done again.
    record.unlink()
    return [record, *manifests]


def _pair(made: Manifest) -> Pair:
    return Pair(code=made.code, versions=made.versions)


def _computed(job: DueJob, folder: Path) -> tuple[Path, set[tuple[str, str]]]:
    """Compute a job again: the manifest that it wrote, and the definitions that it executed."""
    folder.mkdir()
    words = list(job.words)
    for option in WRITTEN:
        if option in words:
            place = words.index(option) + 1
            words[place] = str(folder / words[place])
    ran = folder / "executed.json"
    environment = {name: value for name, value in os.environ.items() if name != RUN_VARIABLE}
    done = subprocess.run(
        [sys.executable, "-c", NOTING, str(ran), str(SCRIPTS), *words],
        env={**environment, ROOT_VARIABLE: str(folder / "cache")},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"exit status {done.returncode}"]
        raise InputError(f"{job.manifest}: not computed again: {lines[-1]}")
    return folder / job.manifest, {tuple(one) for one in json.loads(ran.read_text("utf-8"))}


def _differences(one: Finished, again: Path) -> Iterator[str]:
    """What differs between finished results and those that were computed again."""
    then, now = one.made, read_manifest(again)
    before, after = (dotted(x.model_dump(mode="json", exclude=OF_THE_PAIR)) for x in (then, now))
    for name in sorted(before.keys() | after.keys()):
        if before.get(name) != after.get(name):
            yield f"{one.job.manifest}: {name}: {before.get(name)} -> {after.get(name)}"
    folders = then.location(one.job.manifest), now.location(again)
    for name in sorted(then.files.keys() | now.files.keys()):
        if then.files.get(name) != now.files.get(name):
            old, new = (folder / name for folder in folders)
            yield f"{old}: {_first_difference(old, new) or 'other bytes'}"


def _first_difference(old: Path, new: Path) -> str | None:
    """Where two files of JSON lines differ first."""
    if old.suffix != ".jsonl":
        return None
    texts = (path.read_text(encoding="utf-8").splitlines() for path in (old, new))
    for number, (before, after) in enumerate(zip_longest(*texts, fillvalue="{}"), 1):
        if before != after:
            then, now = json.loads(before), json.loads(after)
            changed = [name for name in {**then, **now} if then.get(name) != now.get(name)]
            values = [f"{name}: {then.get(name)!r} -> {now.get(name)!r}" for name in changed]
            return ": ".join((f"line {number}", *values[:1]))
    return None


def _not_executed(group: Sequence[Finished], ran: set[tuple[str, str]]) -> Iterator[str]:
    """Definitions of a group's code that have changed, and that no sample has executed."""
    job = group[0].job
    now = definition_digests(job.script, job.modules)
    changed: set[tuple[str, str]] = set()
    for code in {one.made.code for one in group}:
        record = CODE_HISTORY / f"{str(code).removeprefix('code:')}.json"
        if code == job.option("--code"):
            continue
        if not record.is_file():
            yield f"{record}: no such file, so what has changed since {code} is not known"
            return
        changed |= set(_changed(read_model(record, dict[str, dict[str, str]]), now))
    for module, name in sorted(changed):
        if (module, name if _is_called(module, name) else "") not in ran:
            yield f"{module}: {name} has changed, but no sample executed it"


def _changed(
    then: Mapping[str, Mapping[str, str]], now: Mapping[str, Mapping[str, str]]
) -> Iterator[tuple[str, str]]:
    """Definitions that are new or differ; one that has moved is neither."""
    before = {digest for names in then.values() for digest in names.values()}
    for module, names in now.items():
        for name, digest in names.items():
            if then.get(module, {}).get(name) != digest and digest not in before:
                yield module, name


def _is_called(module: str, name: str) -> bool:
    """Whether a definition is a function, or a class with methods: what is in it runs when it is
    called. Others run when their module is loaded."""
    path = code_of(SCRIPTS).path(module)
    assert path is not None, "its digest was computed"
    for statement in ast.parse(path.read_bytes()).body:
        match statement:
            case ast.FunctionDef(name=found) if found == name:
                return True
            case ast.ClassDef(name=found, body=body) if found == name:
                return any(isinstance(one, ast.FunctionDef) for one in body)
    return False
