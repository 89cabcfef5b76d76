"""What cannot run is refused before anything starts or is deleted."""

import json
import re
from pathlib import Path

from support.completed import RECORDS, study_options
from support.edits import configured
from support.project import ROOT
from support.scratch import errors, snakemake, start_snakemake

RESULTS = Path("results/generated")
ADAPTER = RESULTS / "adapters/Tiny-Exact/seed-0/manifest.json"
GENERATED, LOCAL = map(study_options, ("generated", "local"))
MODEL = "studies.generated.models.Tiny-Exact"
FULL_DISK = {"PYTHONPATH": str(ROOT / "tests/support/full_disk")}
INDEX = re.compile(r"/results/cache/[0-9a-f]{24}[./]")


def contents(project: Path) -> dict[Path, bytes]:
    """All results, and Snakemake's records of them, without the index of the source's rows and the
    digests that a run keeps: those of files which have only just been written are not kept, so they
    depend on the machine's speed."""
    folders = (project / "results", project / ".snakemake/metadata")
    files = (path for folder in folders for path in folder.rglob("*") if path.is_file())
    left_out = ("/__pycache__/", "/cache/digests.json")
    return {
        path: path.read_bytes()
        for path in files
        if not any(o in str(path) for o in left_out) and not INDEX.search(str(path))
    }


def test_a_run_that_could_not_end_deletes_and_starts_nothing(project: Path) -> None:
    """The finished adapter is there, and would be deleted first."""
    assert (project / ADAPTER).exists()
    configured(f"{MODEL}.training.target_modules", ["q_prog"])(project)
    configured("studies.generated.bertscore.layer", 3)(project)
    before = contents(project)
    run = snakemake(project, "--cores", "1", *GENERATED)
    assert run.returncode == 1, run.stdout
    assert [line.partition(": ")[0] for line in errors(run.stderr)] == [
        f"{MODEL}.training.target_modules",
        "studies.generated.bertscore.layer",
    ]
    assert contents(project) == before


def test_without_room_on_the_disk_or_a_limit_of_gpus_nothing_is_deleted(
    project: Path, tmp_path: Path
) -> None:
    """One GPU counts on a CPU too."""
    configured(f"{MODEL}.training.learning_rate", 2e-4)(project)
    before, printed = contents(project), tmp_path / "printed.txt"
    options = ("--cores", "1", "--resources", "api=1", *GENERATED)
    assert start_snakemake(project, printed, *options, environment=FULL_DISK).wait() == 1
    disk, gpus = errors(printed.read_text(encoding="utf-8"))
    assert "1.00B are free on this disk, but the adapters and weights of this run need" in disk
    assert "--resources without gpu: " in gpus
    assert contents(project) == before


def test_a_broken_file_is_told_of_whole_before_anything_runs(project: Path) -> None:
    """Problems in rows that the study uses, and in rows that it does not."""
    path = project / RECORDS
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    matching = [row for row in rows if row["task"] == "Product_Matching"]
    matching[0]["output"] = "perhaps"
    matching[-1]["input"] = "{"
    next(row for row in rows if row["task"] == "Sentiment_Analysis")["options"] = "None"
    rows.append({**rows[-1], "task": "Product_Matchin"})
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    before = {
        path: path.read_bytes() for path in (project / "results/local/dataset").rglob("*.jsonl")
    }
    run = snakemake(project, "--cores", "1", *LOCAL)
    assert run.returncode == 1
    lines = errors(run.stderr)
    kinds = "unknown_task, bad_input, bad_options, bad_output"
    assert len(lines) == 5
    assert all(line.startswith(f"{RECORDS}: line ") for line in lines[:4])
    assert lines[4].startswith("4 rows cannot be used")
    assert f"`tolerate: [{kinds}]`" in lines[4]
    assert before == {path: path.read_bytes() for path in before}
