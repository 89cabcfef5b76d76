"""What `why.py` without files prints of studies that have been run and then edited.

That its jobs are those that Snakemake plans, each counted once, test_reruns.py asks in each row.
"""

import json
import shutil
import subprocess
from pathlib import Path

from support import warm
from support.completed import CONFIGURATION
from support.edits import configured, together

RESULTS = Path("results/generated")
FASTER = configured("studies.generated.models.Tiny-Exact.training.learning_rate", 2e-4)
LONGER_TEXTS = configured("studies.generated.task_decoding.AG.max_new_tokens", 5)
ONE_MORE_SEED = configured("studies.generated.models.Tiny-Chat.seeds", [0, 1])


def why(project: Path) -> subprocess.CompletedProcess[str]:
    """Run the script, where each adapter took an hour and each prediction a minute.

    The table of costs shows these, so that it and the report would be made again.
    """
    for path in (project / RESULTS).glob("*/*/*/*cost.json"):
        seconds = 3600.0 if path.name == "cost.json" else 60.0
        path.write_text(json.dumps({"seconds": seconds, "device": "NVIDIA Z100"}))
    for path in (project / RESULTS).glob("latency/Tiny-????.json"):
        changes = {"device": "NVIDIA Z100", "load_seconds": 30.0, "seconds": 30.0}
        path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    return explain(project)


def explain(project: Path) -> subprocess.CompletedProcess[str]:
    """Run the script."""
    options = ["--configfile", CONFIGURATION.name, "--study", "generated"]
    return warm.run(["scripts/why.py", *options], project)


def overview(project: Path) -> list[str]:
    """The lines that it prints."""
    run = why(project)
    assert run.returncode == 0, run.stderr
    return run.stdout.splitlines()


def test_a_finished_study_takes_one_line(project: Path) -> None:
    run = explain(project)
    assert run.stdout == "Study generated: nothing to do, all 96 jobs are up to date\n", run.stderr


def test_jobs_are_told_by_cause_with_what_they_took_the_most_expensive_first(
    project: Path,
) -> None:
    together(LONGER_TEXTS, FASTER)(project)
    assert overview(project) == [
        "Study generated: 49 of 96 jobs would run",
        "  2.2 GPU-hours (NVIDIA Z100), as 13 jobs last took",
        "  time unknown: 4 BERTScores",
        "",
        "training.learning_rate: 0.0001 -> 0.0002 (Tiny-Exact)",
        "  2 adapters, 8 predictions, 2 BERTScores, 12 scores, 5 comparisons, 1 file of scores, "
        "5 tables, 1",
        "  set of figures, 1 report: 2.1 GPU-hours",
        "decoding.max_new_tokens: 4 -> 5 (AG)",
        "  2 predictions, 2 BERTScores, 2 scores, 2 tables: 2.0 GPU-minutes",
        "tasks.AG.decoding.max_new_tokens: 4 -> 5 (Tiny-Chat)",
        "  1 latency: 1.0 GPU-minute",
        "max_new_tokens: 4 -> 5 (AG)",
        "  2 reports on the data, 1 table",
        "",
        "`python scripts/why.py FILE` explains one result",
    ]


def test_what_never_ran_is_estimated_and_what_was_stopped_is_told(project: Path) -> None:
    ONE_MORE_SEED(project)
    adapters = project / RESULTS / "adapters/Tiny-Exact"
    shutil.rmtree(adapters)
    (adapters / "seed-1/work/manifest.json.0123456789abcdef").mkdir(parents=True)
    assert overview(project) == [
        "Study generated: 54 of 110 jobs would run",
        "  3.2 GPU-hours (NVIDIA Z100), as 15 jobs last took, of which 7 have never "
        "run: estimated from",
        "  similar ones",
        "  time unknown: 3 BERTScores",
        "",
        "not built yet (Tiny-Chat, Tiny-Exact)",
        "  3 adapters, 12 predictions, 3 BERTScores, 20 scores, 5 comparisons, 1 file of scores, "
        "7 tables, 1",
        "  set of figures, 1 report: 3.2 GPU-hours",
        "jobs.bertscore: 4 -> 5; jobs.predict: 16 -> 20; and 3 more changes",
        "  1 set of figures",
        "",
        "stopped before the end: 1 adapter; a run continues them where nothing that they are "
        "made of has",
        "changed",
        "`python scripts/why.py FILE` explains one result",
    ]


def test_what_refuses_a_run_is_said_in_its_place(project: Path) -> None:
    predictions = project / RESULTS / "predictions/Tiny/seed-0/PM.jsonl"
    predictions.write_text(predictions.read_text() + "\n")
    run = why(project)
    assert (run.returncode, run.stdout) == (1, "")
    assert run.stderr.startswith(f"error: {predictions.relative_to(project)}: altered")
