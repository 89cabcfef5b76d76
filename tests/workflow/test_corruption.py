"""Results that are damaged on disk: noticed and named, never used."""

import os
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from support.completed import CONFIGURATION, script_of
from support.model_examples import run_here
from support.scratch import errors

from ecslm.common.errors import InputError
from ecslm.common.manifests import read_manifest
from ecslm.plan.study import Choice
from ecslm.provenance.dag import Job, read_dag
from ecslm.provenance.results import check_results

RESULTS = Path("results/generated")


def keeping_dates(damage: Callable[[Path], None], path: Path) -> None:
    """A damage that the file's date does not tell."""
    before = path.stat()
    damage(path)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def flipped(path: Path) -> None:
    """One bit in the middle of the file is another."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def test_a_damage_during_a_run_is_found_by_every_job_that_reads_the_result(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One job of each rule, and one file of each kind that it reads."""
    monkeypatch.chdir(project)
    with read_dag(Choice([Path(CONFIGURATION.name)], "generated"), ("all", "report")) as dag:
        jobs = dag.jobs
        commands = {job: dag.command(job) for job in jobs}
    makers = {path: job.manifest for job in jobs for path in job.files}
    checked, missed = 0, []
    for job in {job.rule: job for job in jobs}.values():
        script = script_of(commands[job])
        for path in inputs_by_kind(job, makers):
            before, state = path.read_bytes(), path.stat()
            keeping_dates(flipped, path)
            capsys.readouterr()
            status = run_here(monkeypatch, *script)
            told = errors(capsys.readouterr().err)
            path.write_bytes(before)
            os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))
            checked += 1
            named = len(told) == 1 and str(path) in told[0] and "altered" in told[0]
            if status != 1 or not named or "`rm " not in told[0]:
                missed.append((job.rule, path, status, told))
    assert missed == []
    assert checked > 30


def inputs_by_kind(job: Job, makers: dict[str, str]) -> Iterator[Path]:
    """A file of each kind that other jobs have made, and that this one reads."""
    kinds: dict[object, Path] = {}
    for name in job.inputs:
        path = Path(name)
        if name not in makers or not path.is_relative_to(RESULTS):
            continue
        listed = read_manifest(Path(makers[name])).files
        if path.name == "manifest.json" and job.rule == "predict":
            path = path.with_name("adapter_model.safetensors")
        # The page names LaTeX tables for the PDF, which reads them.
        if path.name in listed and (job.rule, path.suffix) != ("report_page", ".tex"):
            split = path.name if path.parts[2] == "dataset" else None
            kinds[path.parts[2], path.suffixes[:-1].count(".records"), path.suffix, split] = path
    yield from kinds.values()


def test_whichever_file_is_altered_with_its_date_kept_or_exchanged_it_is_refused(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project)
    with read_dag(Choice([Path(CONFIGURATION.name)], "generated")) as dag:
        jobs = dag.jobs
    accepted = []
    for job in jobs:
        assert not is_refused(job), job.manifest
        listed = read_manifest(Path(job.manifest)).files
        for path in (path for path in job.results if Path(path).name in listed):
            before, state = Path(path).read_bytes(), Path(path).stat()
            keeping_dates(flipped, Path(path))
            accepted += [] if is_refused(job) else [f"{path} altered"]
            Path(path).write_bytes(before)
            os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))
    for one, other in pairwise(jobs):
        if one.rule == other.rule:
            exchange(one, other)
            both = is_refused(one) and is_refused(other)
            accepted += [] if both else [f"{one.manifest} and {other.manifest} exchanged"]
            exchange(one, other)
    assert accepted == []


def exchange(one: Job, other: Job) -> None:
    """The results of one job in the places of another's, as `mv` does it."""
    for first, second in zip(one.files, other.files, strict=True):
        between = Path(first).with_name("between")
        Path(first).rename(between)
        Path(second).rename(first)
        between.rename(second)


def is_refused(job: Job) -> bool:
    """Whether a run refuses the results of a job."""
    try:
        check_results("generated", [job])
    except InputError:
        return True
    return False
