"""What `make accept` records, and what a run then does, by real runs of a small study."""

import shutil
import subprocess
import sys
from pathlib import Path

from support.completed import study_options
from support.edits import replaced, together
from support.scratch import ListJobs

from ecslm.common.hashing import sha256_of_file

STEPS = {"train_adapter", "predict", "bertscore"}
EQUAL = Path("results/code/equal")
NEUTRAL = together(
    replaced(
        "scripts/ecslm/training/fit.py",
        "if count is None or count >= len(examples):",
        "if count is None or len(examples) <= count:",
    ),
    replaced(
        "scripts/ecslm/prediction/run.py",
        "    if answer.withheld:\n        return",
        "    if bool(answer.withheld):\n        return",
    ),
)


def accepted(project: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "scripts/accept.py", *options]
    options_of_study = ["--configfile", "rerun_study.yaml", "--study", "local"]
    return subprocess.run(
        [*command, *options_of_study], cwd=project, capture_output=True, text=True, check=False
    )


def due(project: Path, list_jobs: ListJobs) -> list[str]:
    return [job.name for job in list_jobs(project, "--dry-run", *study_options("local"))]


def gpu_results(project: Path) -> dict[str, str]:
    return {
        str(path): sha256_of_file(path)
        for step in ("adapters", "predictions")
        for path in (project / "results/local" / step).rglob("*")
        if path.is_file()
    }


def test_after_a_neutral_edit_that_is_accepted_nothing_is_due_until_it_is_revoked(
    project: Path, list_jobs: ListJobs
) -> None:
    before = gpu_results(project)
    NEUTRAL(project)
    planned = due(project, list_jobs)
    assert "train_adapter Tiny-EC/seed-0" in planned
    ran = accepted(project)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "train_adapter: computing 1 of 1 again" in ran.stdout
    assert due(project, list_jobs) == []
    assert gpu_results(project) == before
    assert accepted(project).stdout.startswith("nothing to accept")

    # A new result names what really made it, and goes with the record.
    manifest = project / "results/local/predictions/Tiny/seed-0/PM.manifest.json"
    code = manifest.read_text()
    manifest.unlink()
    shutil.rmtree(project / "results/cache/finished")
    made = subprocess.run(
        [sys.executable, "-m", "snakemake", *study_options("local"), "--", "predictions"],
        cwd=project,
        capture_output=True,
        text=True,
        check=False,
    )
    assert made.returncode == 0, made.stdout + made.stderr
    assert manifest.read_text() != code
    assert due(project, list_jobs) == []

    names = [path.stem for path in (project / EQUAL).iterdir()]
    assert len(names) == 2
    for name in names:
        revoked = accepted(project, "--revoke", name)
        assert revoked.returncode == 0, revoked.stderr
    assert not manifest.exists()
    assert due(project, list_jobs) == planned


def test_an_edit_that_changes_bytes_is_refused_and_so_is_one_that_no_sample_has_run(
    project: Path, list_jobs: ListJobs
) -> None:
    before = gpu_results(project)
    together(
        replaced(
            "scripts/ecslm/prediction/run.py",
            "prediction=answer.text,",
            'prediction=f"{answer.text}!",',
        ),
        replaced(
            "scripts/ecslm/training/launch.py",
            "[str(problem) for problem in error.problems]",
            "[*map(str, error.problems)]",
        ),
    )(project)
    planned = due(project, list_jobs)
    ran = accepted(project)
    assert ran.returncode == 1
    assert "error: ecslm.training.launch: leave_problems has changed, but no sample" in ran.stderr
    assert "/PM.jsonl: line 1: prediction: " in ran.stderr
    assert not (project / EQUAL).exists()
    assert gpu_results(project) == before
    assert due(project, list_jobs) == planned
