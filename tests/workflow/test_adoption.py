"""Results that were copied into a fresh clone: verified, recorded, and not made again.

What is refused is tested with the functions: unit/provenance/test_results.py.
"""

import os
import re
import shutil
import subprocess
from fnmatch import fnmatchcase
from pathlib import Path

import pytest
from support import warm
from support.completed import CONFIGURATION, study_options
from support.completed import RECORDS as LOCAL_RECORDS
from support.edits import logic, with_scrambled_times
from support.graphs import due_commands, read_graph
from support.scratch import errors, snakemake

from ecslm.provenance.results import RECORDS

RESULTS = Path("results/generated")
ADAPTER = RESULTS / "adapters/Tiny-Chat/seed-0"


@pytest.fixture
def copied(project: Path) -> Path:
    """A project with the results of another machine: nobody has records of them here."""
    shutil.rmtree(project / ".snakemake")
    with_scrambled_times(project)
    return project


def adopt(project: Path, study: str = "generated") -> subprocess.CompletedProcess[str]:
    options = ["--configfile", CONFIGURATION.name, "--study", study]
    return warm.run(["scripts/adopt.py", *options], project, dict(os.environ))


def refusals(run: subprocess.CompletedProcess[str]) -> list[str]:
    """The lines of a run that has been refused."""
    assert run.returncode == 1, run.stdout
    return errors(run.stderr)


def test_copied_results_are_verified_before_use_and_none_is_made_again(copied: Path) -> None:
    before = {path: path.read_bytes() for path in (copied / RESULTS).rglob("*") if path.is_file()}
    (line,) = refusals(snakemake(copied, "--dry-run", *study_options("generated")))
    assert "not built by a run in this directory" in line
    assert "`make adopt STUDY=generated`" in line
    run = adopt(copied)
    assert run.returncode == 0, run.stderr
    assert run.stdout.startswith("verified and recorded: the results of ")
    assert due_commands(copied, CONFIGURATION.name, "generated") == []
    assert {path: path.read_bytes() for path in before} == before


def test_a_copied_study_without_its_raw_data_is_adopted_and_not_deleted(copied: Path) -> None:
    """Nor does any finished study need them."""
    shutil.rmtree(copied / "data")
    assert adopt(copied, "local").returncode == 0
    assert due_commands(copied, CONFIGURATION.name, "local") == []
    logic("ecslm/data/records.py")(copied)
    line, _ = refusals(snakemake(copied, "--cores", "1", *study_options("local")))
    assert line.startswith(f"{LOCAL_RECORDS}: no such file, but results/local/")
    assert "must be rebuilt (`make why STUDY=local` says why)" in line
    assert list((copied / "results/local/dataset").glob("*/*.jsonl")) != []


def test_an_altered_adapter_is_refused_and_what_is_said_to_do_trains_it_alone(copied: Path) -> None:
    """A metric was edited, too: its scores are made again."""
    weights = copied / ADAPTER / "adapter_model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    logic("ecslm/scoring/metrics/ndcg.py")(copied)
    (line,) = refusals(adopt(copied))
    assert line.startswith(f"{ADAPTER}/manifest.json: {ADAPTER}/adapter_model.safetensors: altered")
    assert "copy it again, or `rm " in line
    assert not (copied / RECORDS).is_dir() or list((copied / RECORDS).iterdir()) == []
    shutil.rmtree(copied / ADAPTER)
    (line,) = refusals(adopt(copied))
    assert line.startswith(f"{ADAPTER}/manifest.json: missing, but results that were built")
    (command,) = re.findall("copy it too, or `(rm .*)`", line)
    subprocess.run(command, shell=True, cwd=copied, check=True)
    assert adopt(copied).returncode == 0
    graph = read_graph(copied, CONFIGURATION.name, "generated")
    jobs = {name for name, job in graph.items() if job.due}
    concerned = ("train_adapter Tiny-Chat/*", "predict Tiny-Chat/*", "bertscore Tiny-Chat/*")
    for name in jobs:
        costly = name.split()[0] in ("dataset", "train_adapter", "predict", "bertscore")
        assert not costly or any(fnmatchcase(name, pattern) for pattern in concerned), name
    assert {"train_adapter Tiny-Chat/seed-0", "score Tiny/seed-0/QPR"} <= jobs
    assert "score Tiny/seed-0/SA" not in jobs
