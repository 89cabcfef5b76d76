"""What `make accept` records by a real training of a tiny study, and what a run then does.

What is refused is tested with the functions: unit/provenance/test_acceptance.py.
"""

import json
import subprocess
from pathlib import Path

from support import warm
from support.completed import study_options
from support.edits import replaced
from support.scratch import planned_jobs, snakemake

EQUAL = Path("results/code/equal")
MANIFEST = Path("results/local/adapters/Tiny-EC/seed-0/manifest.json")
FIT = "scripts/ecslm/training/fit.py"
NEUTRAL = replaced(FIT, "course.done < len(course.steps)", "len(course.steps) > course.done")


def accept(project: Path, *options: str) -> subprocess.CompletedProcess[str]:
    study = ("--configfile", "rerun_study.yaml", "--study", "local")
    return warm.run(["scripts/accept.py", *study, *options], project)


def test_after_an_accepted_edit_nothing_is_due_until_it_is_revoked(project: Path) -> None:
    paths = [path for path in (project / "results/local").rglob("*") if path.is_file()]
    before = {path: path.read_bytes() for path in paths}
    NEUTRAL(project)
    ran = accept(project)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert ran.stdout.startswith("train_adapter: computing 1 of 1 again\n  equal: recorded in ")
    due = snakemake(project, "--dry-run", *study_options("local"))
    assert due.returncode == 0, due.stderr
    assert planned_jobs(due.stdout + due.stderr) == {}
    assert {path: path.read_bytes() for path in before} == before
    # What is made from now on names the code that made it, and goes with the record.
    (record,) = (project / EQUAL).iterdir()
    made = json.loads(record.read_text())["new"]
    manifest = json.loads((project / MANIFEST).read_text())
    assert manifest["code"] != made["code"]
    (project / MANIFEST).write_text(json.dumps(manifest | made))
    revoked = accept(project, "--revoke", record.stem)
    assert revoked.returncode == 0, revoked.stderr
    assert not (project / MANIFEST).exists()
    assert not record.exists()
