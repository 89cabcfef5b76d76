"""Shows by samples that other code, or other versions, compute the bytes of finished results.

Finished jobs that other code would compute again are grouped by what made them. Of each group the
smallest jobs are computed again in a folder of their own, without the cache of results: one at
least for each value of each setting, task, base, adapter or none, and one at random. If manifests
and results are equal, but for what costs are told in, and if every definition that has changed was
executed, the new pair of code and versions is recorded as equal to the old one.
"""

import ast
import json
import os
import random
import shlex
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ecslm.common.equal_code import (
    EQUAL,
    Equal,
    Evidence,
    Pair,
    record_equal,
    records,
    representative,
)
from ecslm.common.errors import InputError, refuse
from ecslm.common.hashing import canonical_json
from ecslm.common.manifests import Manifest, read_manifest
from ecslm.common.results_cache import ROOT_VARIABLE
from ecslm.fingerprint.digest import SCRIPTS, code_of
from ecslm.provenance.dag import Job
from ecslm.provenance.run import KEPT
from ecslm.provenance.why import (
    changed_definitions,
    changed_values,
    definitions,
    differences,
    dotted,
)
from ecslm.schemas.paths import BASES, CODE_HISTORY, TOP

# Python, with the arguments of `run_noting`; it would have the working directory among its paths.
NOTING = (
    "import sys; sys.path[0] = sys.argv[2]; "
    "from ecslm.fingerprint.executed import run_noting; run_noting(*sys.argv[1:])"
)
# Options that name what a step writes.
WRITTEN = ("--output", "--manifest", "--cost", "--log")
# Fields of a manifest that differ between pairs of code and versions.
OF_THE_PAIR = {"code", "versions", "action"}


@dataclass(frozen=True)
class Finished:
    """A job that is due, although nothing has changed but code or versions since it was done."""

    job: Job
    made: Manifest

    @property
    def size(self) -> tuple[int, int, str]:
        """By which the smallest jobs are found: bytes of records, then of results."""
        read = sum(Path(x).stat().st_size for x in self.job.inputs if x.endswith(".jsonl"))
        return read, sum(Path(x).stat().st_size for x in self.job.results), self.job.manifest

    @property
    def traits(self) -> set[str]:
        """What the samples must have among them, if any job of a group has it."""
        bases = [path for path in self.job.inputs if path.startswith(BASES)]
        tuned = any("/adapters/" in path for path in self.job.inputs)
        return {*bases, f"adapter {tuned}", f"task {self.job.key.get('task')}"} | {
            f"{name} {canonical_json(value)}" for name, value in dotted(self.made.settings).items()
        }


def finished_jobs(jobs: Sequence[Job]) -> list[Finished]:
    """The jobs of `KEPT` that are due for their code or versions alone."""
    found: list[Finished] = []
    for job in jobs:
        if job.due and job.rule in KEPT and all(Path(path).is_file() for path in job.files):
            made = read_manifest(Path(job.manifest))
            # None if it is due for another job that is.
            kinds = {change.kind for change in differences(job)}
            if made.action is not None and kinds and kinds <= {"code", "versions"}:
                found.append(Finished(job, made))
    return found


def groups_of(found: Iterable[Finished]) -> list[list[Finished]]:
    """The jobs, apart by step, by their code now, and by what made them."""
    groups: dict[tuple[str, str, str], list[Finished]] = {}
    for one in found:
        key = one.job.rule, one.job.params["code"], representative(one.made.pair).name
        groups.setdefault(key, []).append(one)
    return list(groups.values())


def samples(group: Sequence[Finished]) -> list[Finished]:
    """The smallest jobs that have all traits of a group among them, and one of the others."""
    chosen: list[Finished] = []
    others: list[Finished] = []
    seen: set[str] = set()
    for one in sorted(group, key=lambda one: one.size):
        (others if one.traits <= seen else chosen).append(one)
        seen |= one.traits
    return [*chosen, *random.sample(others, min(1, len(others)))]


def accept(
    group: Sequence[Finished], chosen: Sequence[tuple[Finished, str]], folder: Path
) -> list[Path]:
    """Compute samples of a group again; record what was shown.

    Args:
        chosen: the samples, with the command of each.
        folder: an empty directory for what they write, outside of `results`.

    Raises:
        InputError: a sample fails, or has other results; or no sample has executed a definition
            that has changed, or that is not known; or what is shown contradicts a record.
    """
    shown: dict[str, tuple[Pair, list[Evidence]]] = {}
    ran: set[tuple[str, str]] = set()
    problems: list[str] = []
    for number, (one, command) in enumerate(chosen):
        again, executed = _computed(one.job, command, folder / str(number))
        ran |= executed
        problems += _differences(one, again)
        pair = read_manifest(again).pair
        evidence = Evidence(job=one.job.manifest, key=str(one.made.action), files=one.made.files)
        shown.setdefault(pair.name, (pair, []))[1].append(evidence)
    refuse([*problems, *_not_executed(group, ran)])
    standing = representative(group[0].made.pair)
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
    known = {one.new.name: one.new for one in records()}
    if name not in known:
        names = ", ".join(sorted(known)) or "none"
        raise InputError(f"--revoke: {name}: nothing of this name was accepted; there is: {names}")
    record, manifests = EQUAL / f"{name}.json", []
    for path in sorted(TOP.glob("*/**/*manifest.json")):
        if read_manifest(path).pair == known[name]:
            # Without it the job runs again.
            path.unlink()
            manifests.append(path)
    # Only now: what is interrupted may be done again.
    record.unlink()
    return [record, *manifests]


def _computed(job: Job, command: str, folder: Path) -> tuple[Path, set[tuple[str, str]]]:
    """Compute a job again: the manifest that it wrote, and the definitions that it executed."""
    folder.mkdir()
    # From the script on.
    words = shlex.split(command)[1:]
    for place, option in enumerate(words[:-1]):
        if option in WRITTEN:
            words[place + 1] = str(folder / words[place + 1])
    ran = folder / "executed.json"
    done = subprocess.run(
        [sys.executable, "-c", NOTING, str(ran), str(SCRIPTS), *words],
        env={**os.environ, ROOT_VARIABLE: str(folder / "cache")},
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
    manifests = (one.made, read_manifest(again))
    fields = (dotted(made.model_dump(mode="json", exclude=OF_THE_PAIR)) for made in manifests)
    return (f"{one.job.manifest}: {words}" for words in changed_values(*fields))


def _not_executed(group: Sequence[Finished], ran: set[tuple[str, str]]) -> Iterator[str]:
    """Definitions of a group's code that have changed, and that no sample has executed."""
    now = group[0].job.params["code"]
    changed: set[tuple[str, str]] = set()
    for then in {str(one.made.code) for one in group} - {now}:
        if not definitions(then):
            yield f"{CODE_HISTORY}: has nothing on {then}, so what has changed is not known"
            return
        changed.update(changed_definitions(then, now))
    for module, name in sorted(changed):
        if (module, name if _is_called(module, name) else "") not in ran:
            yield f"{module}: {name} has changed, but no sample executed it"


def _is_called(module: str, name: str) -> bool:
    """Whether a definition is a function, or a class with methods: what is in it runs when it is
    called. Others run when their module is loaded."""
    defined = code_of(SCRIPTS).module(module).statements.get(name, ())
    parts = (part for one in defined for part in (one, *getattr(one, "body", ())))
    return any(isinstance(part, ast.FunctionDef) for part in parts)
