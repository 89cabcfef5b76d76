"""What `make accept` records, and what a run then does, by real trainings of a tiny study."""

import shutil
import subprocess
import sys
from pathlib import Path

from support.completed import study_options
from support.edits import replaced, together
from support.scratch import ListJobs

from ecslm.common.manifests import read_manifest

EQUAL = Path("results/code/equal")
ADAPTER = Path("results/local/adapters/Tiny-EC/seed-0")
FIT = "scripts/ecslm/training/fit.py"
NEUTRAL = replaced(FIT, "count >= len(examples)", "len(examples) <= count")
# Other weights; and a function that only trainings in several processes call.
HARMFUL = together(
    replaced(FIT, "set_seed(task.seed)", "set_seed(task.seed + 1)"),
    replaced(
        "scripts/ecslm/training/launch.py",
        "[str(problem) for problem in error.problems]",
        "[*map(str, error.problems)]",
    ),
)


def python(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)


def accept(project: Path, *options: str) -> subprocess.CompletedProcess[str]:
    study = ("--configfile", "rerun_study.yaml", "--study", "local")
    return python(project, "scripts/accept.py", *study, *options)


def due(project: Path, list_jobs: ListJobs) -> set[str]:
    return {job.name for job in list_jobs(project, "--dry-run", *study_options("local"))}


def files(project: Path) -> dict[str, bytes]:
    paths = (project / "results/local").rglob("*")
    return {str(path): path.read_bytes() for path in paths if path.is_file()}


def test_after_a_neutral_edit_that_is_accepted_nothing_is_due_until_it_is_revoked(
    project: Path, list_jobs: ListJobs
) -> None:
    before = files(project)
    NEUTRAL(project)
    planned = due(project, list_jobs)
    assert "train_adapter Tiny-EC/seed-0" in planned
    ran = accept(project)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert ran.stdout.startswith("train_adapter: computing 1 of 1 again\n  equal, ")
    assert due(project, list_jobs) == set()
    assert files(project) == before
    (record,) = (project / EQUAL).iterdir()

    # What is made from now on names the code that made it, and goes with the record.
    old = read_manifest(project / ADAPTER / "manifest.json")
    for folder in (project / ADAPTER, project / "results/cache/finished"):
        shutil.rmtree(folder)
    made = python(project, "-m", "snakemake", *study_options("local"), "--", "adapters")
    assert made.returncode == 0, made.stdout + made.stderr
    new = read_manifest(project / ADAPTER / "manifest.json")
    assert (new.code != old.code, new.files == old.files) == (True, True)
    assert "train_adapter Tiny-EC/seed-0" not in due(project, list_jobs)

    revoked = accept(project, "--revoke", record.stem)
    assert revoked.returncode == 0, revoked.stderr
    assert not (project / ADAPTER / "manifest.json").exists()
    assert due(project, list_jobs) >= planned


def test_an_edit_that_changes_bytes_is_refused_and_so_is_one_that_no_sample_has_executed(
    project: Path, list_jobs: ListJobs
) -> None:
    before = files(project)
    HARMFUL(project)
    planned = due(project, list_jobs)
    ran = accept(project)
    assert ran.returncode == 1
    assert ran.stderr.splitlines() == [
        f"error: {ADAPTER}/adapter_model.safetensors: other bytes",
        "error: ecslm.training.launch: leave_problems has changed, but no sample executed it",
    ]
    assert not (project / EQUAL).exists()
    assert files(project) == before
    assert due(project, list_jobs) == planned
