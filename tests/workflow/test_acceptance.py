"""What `make accept` records, and what a run then does, by real trainings of a tiny study."""

import shutil
import subprocess
from pathlib import Path

from support import warm
from support.completed import study_options
from support.edits import replaced, together
from support.scratch import list_jobs, snakemake

from ecslm.common.manifests import read_manifest

EQUAL = Path("results/code/equal")
ADAPTER = Path("results/local/adapters/Tiny-EC/seed-0")
FIT = "scripts/ecslm/training/fit.py"
NEUTRAL = replaced(FIT, "course.done < len(course.steps)", "len(course.steps) > course.done")
# Other weights; and a function that only trainings in several processes call.
HARMFUL = together(
    replaced(FIT, "manual_seed(seed)", "manual_seed(seed + 1)"),
    replaced(
        "scripts/ecslm/training/run.py",
        "answers.send((problems.details, None))",
        "answers.send((tuple(problems.details), None))",
    ),
)


def accept(project: Path, *options: str) -> subprocess.CompletedProcess[str]:
    study = ("--configfile", "rerun_study.yaml", "--study", "local")
    return warm.run(["scripts/accept.py", *study, *options], project)


def due(project: Path) -> set[str]:
    return {job.name for job in list_jobs(project, "--dry-run", *study_options("local"))}


def files(project: Path) -> dict[str, bytes]:
    paths = (project / "results/local").rglob("*")
    return {str(path): path.read_bytes() for path in paths if path.is_file()}


def test_after_an_accepted_edit_nothing_is_due_until_it_is_revoked(project: Path) -> None:
    before = files(project)
    NEUTRAL(project)
    ran = accept(project)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert ran.stdout.startswith("train_adapter: computing 1 of 1 again\n  equal, ")
    assert due(project) == set()
    assert files(project) == before
    (record,) = (project / EQUAL).iterdir()

    # What is made from now on names the code that made it, and goes with the record.
    old = read_manifest(project / ADAPTER / "manifest.json")
    for folder in (project / ADAPTER, project / "results/cache/finished"):
        shutil.rmtree(folder)
    made = snakemake(project, *study_options("local"), "--", "adapters")
    assert made.returncode == 0, made.stdout + made.stderr
    new = read_manifest(project / ADAPTER / "manifest.json")
    assert (new.code != old.code, new.files == old.files) == (True, True)
    assert "train_adapter Tiny-EC/seed-0" not in due(project)

    revoked = accept(project, "--revoke", record.stem)
    assert revoked.returncode == 0, revoked.stderr
    assert not (project / ADAPTER / "manifest.json").exists()
    assert not (project / EQUAL / record.name).exists()


def test_an_edit_of_bytes_or_one_that_was_not_executed_is_refused(project: Path) -> None:
    before = files(project)
    HARMFUL(project)
    ran = accept(project)
    assert ran.returncode == 1
    assert ran.stderr.splitlines() == [
        f"error: {ADAPTER}/adapter_model.safetensors: other bytes",
        "error: ecslm.training.run: _begin has changed, but no sample executed it",
    ]
    assert not (project / EQUAL).exists()
    assert files(project) == before
