"""Results that were copied into a fresh clone: verified, recorded, and not made again.

What is refused is tested with the functions: unit/provenance/test_results.py.
"""

import shutil
from pathlib import Path

import pytest
from support.completed import CONFIGURATION, study_options
from support.completed import RECORDS as LOCAL_RECORDS
from support.edits import logic, with_scrambled_times
from support.graphs import due_commands
from support.model_examples import run_here
from support.scratch import errors, snakemake

RESULTS = Path("results/generated")
WEIGHTS = RESULTS / "adapters/Tiny-Chat/seed-0/adapter_model.safetensors"


@pytest.fixture
def copied(project: Path) -> Path:
    """A project with the results of another machine: nobody has records of them here."""
    shutil.rmtree(project / ".snakemake")
    with_scrambled_times(project)
    return project


def adopt(project: Path, study: str, script: str = "adopt.py") -> int:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(project)
        options = ["--configfile", CONFIGURATION.name, "--study", study]
        return run_here(patch, script, options)


def test_copied_results_are_verified_before_use_and_none_is_made_again(
    copied: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {path: path.read_bytes() for path in (copied / RESULTS).rglob("*") if path.is_file()}
    run = snakemake(copied, "--dry-run", *study_options("generated"))
    assert run.returncode == 1
    (line,) = errors(run.stderr)
    assert "not built by a run in this directory" in line
    assert "`make adopt STUDY=generated`" in line
    (copied / WEIGHTS).write_bytes(before[copied / WEIGHTS][:-1])
    assert adopt(copied, "generated") == 1
    (line,) = errors(capsys.readouterr().err)
    assert line.startswith(f"{WEIGHTS.with_name('manifest.json')}: {WEIGHTS}: altered")
    assert "copy it again, or `rm " in line
    (copied / WEIGHTS).write_bytes(before[copied / WEIGHTS])
    assert adopt(copied, "generated") == 0
    assert capsys.readouterr().out.startswith("verified and recorded: the results of ")
    assert due_commands(copied, CONFIGURATION.name, "generated") == []
    assert {path: path.read_bytes() for path in before} == before
    assert adopt(copied, "generated", "summarise.py") == 0
    assert "Out of date" not in capsys.readouterr().out
    # A job without one of its results is not adopted, which then are deleted; what reads them is.
    next((copied / RESULTS).glob("metrics/*/*/*.records.jsonl")).unlink()
    assert adopt(copied, "generated") == 0
    assert due_commands(copied, CONFIGURATION.name, "generated") != []
    assert adopt(copied, "generated", "summarise.py") == 0
    assert "\nOut of date: " in capsys.readouterr().out


def test_a_copied_study_without_its_raw_data_is_adopted_and_not_deleted(copied: Path) -> None:
    """Nor does any finished study need them."""
    shutil.rmtree(copied / "data")
    assert adopt(copied, "local") == 0
    assert due_commands(copied, CONFIGURATION.name, "local") == []
    logic("ecslm/data/records.py")(copied)
    run = snakemake(copied, "--cores", "1", *study_options("local"))
    assert run.returncode == 1
    line, _ = errors(run.stderr)
    assert line.startswith(f"{LOCAL_RECORDS}: no such file, but results/local/")
    assert "must be rebuilt (`make why STUDY=local` says why)" in line
    assert list((copied / "results/local/dataset").glob("*/*.jsonl")) != []
