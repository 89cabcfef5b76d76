"""A whole study on a tiny random model: every stage real, from records to tables."""

import contextlib
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from support.scratch import copy_project, snakemake
from support.small_rows import write_small_rows
from support.stated_jobs import RULES, all_jobs_of
from support.tiny import write_tiny_encoder, write_tiny_model

from ecslm.common.files import read_jsonl
from ecslm.estimates.estimate import MIB
from ecslm.plan.study import Study
from ecslm.provenance.dag import read_dag
from ecslm.provenance.results import damage
from ecslm.provenance.why import differences
from ecslm.schemas.prediction import Prediction
from ecslm.schemas.record import read_records

pytestmark = pytest.mark.slow

STUDY = Path(__file__).with_name("tiny_study.yaml")
RUN = ("--configfile", str(STUDY), "--")
TARGETS = ("all", "report", "latency", "export")
RESULTS = Path("results/tiny")


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project in which the tiny study, its PDF included, has run to the end."""
    project = copy_project(tmp_path_factory.mktemp("study"))
    write_tiny_model(project / "weights/model")
    write_tiny_encoder(project / "weights/encoder")
    write_small_rows(project / "tiny_rows.jsonl", train=4, val=2, test_ind=3, test_ood=2)
    run = snakemake(project, "--resources", "gpu=2", *RUN, *TARGETS)
    assert run.returncode == 0, run.stdout + run.stderr
    (project / "printed.txt").write_text(run.stdout + run.stderr, encoding="utf-8")
    return project


def test_each_prediction_answers_its_test_record(finished: Path) -> None:
    for model in ("Tiny", "Tiny-EC"):
        for task in ("PM", "QPR", "AG"):
            records = read_records(finished / RESULTS / f"dataset/{task}/test.jsonl")
            path = finished / RESULTS / f"predictions/{model}/seed-0/{task}.jsonl"
            predictions = read_jsonl(path, Prediction)
            assert [p.id for p in predictions] == [r.id for r in records]
            assert [p.reference for p in predictions] == [r.output for r in records]


def test_no_job_of_a_model_took_more_memory_than_it_asks_a_scheduler_for(finished: Path) -> None:
    asked_and_taken = {}
    with contextlib.chdir(finished):
        for job in all_jobs_of(Study.read([STUDY], None)):
            for path in map(Path, job.outputs.get("cost", ())):
                found = json.loads(path.read_text()) if path.name.endswith(".json") else {}
                if peak := found.get("peak_memory_bytes"):
                    asked_and_taken[path] = job.resources["mem_mb"] * MIB, peak
    assert len(asked_and_taken) > 5
    short = {path: both for path, both in asked_and_taken.items() if both[0] < both[1]}
    assert short == {}


def test_every_metrics_file_has_all_settings_and_protocols(finished: Path) -> None:
    for task, settings in (("PM", 1), ("QPR", 1), ("AG", 2)):
        path = finished / RESULTS / f"metrics/Tiny-EC/seed-0/{task}.json"
        metrics = json.loads(path.read_text(encoding="utf-8"))
        assert len(metrics["settings"]) == settings
        for scores in metrics["settings"].values():
            assert {"n", "n_invalid", "n_truncated", "strict", "released", "released_2024"} <= set(
                scores
            )
            assert scores["strict"]["details"]["lenient"] is not None


def test_models_are_compared_on_the_samples_of_a_setting_and_settings_on_their_own(
    finished: Path,
) -> None:
    rows = json.loads((finished / RESULTS / "comparisons/AG.json").read_text(encoding="utf-8"))
    found = {row["contrast"]: (row["paired"], row["n"], row["n_b"], row["test"]) for row in rows}
    assert found == {
        "tuning": (True, 3, 3, "randomisation"),
        "domain": (False, 2, 3, None),  # too few records
    }
    only = json.loads((finished / RESULTS / "comparisons/PM.json").read_text(encoding="utf-8"))
    assert [row["contrast"] for row in only] == ["tuning"]
    twin = (finished / RESULTS / "tables/comparisons.json").read_text(encoding="utf-8")
    assert "comparisons/AG.json" in twin


def test_every_result_has_the_manifest_of_what_it_would_be_made_from_now(finished: Path) -> None:
    with contextlib.chdir(finished):
        with read_dag([STUDY], None, None) as dag:
            jobs = dag.jobs
        # The others are of other backends, and of several seeds.
        others = {"fetch_answers", "score_over_seeds"}
        assert {job.rule for job in jobs} == RULES - others
        assert not any(job.due for job in jobs)
        assert not any(map(differences, jobs))
        assert not any(map(damage, jobs))


def test_the_origin_of_a_table_is_told(finished: Path) -> None:
    table = str(RESULTS / "tables/ind.tex")
    command = [sys.executable, "scripts/why.py", "--configfile", str(STUDY), "--", table]
    run = subprocess.run(command, cwd=finished, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert run.stdout.startswith(f"{table}: up to date; built by rule render_table\n")
    assert "results/tiny/metrics/Tiny-EC/seed-0/PM.json" in run.stdout
    assert "ecslm.tables.kinds.results" in run.stdout


def test_a_second_run_has_nothing_to_do_and_no_work_is_kept(finished: Path) -> None:
    run = snakemake(finished, *RUN, *TARGETS)
    assert run.returncode == 0, run.stderr
    assert "Nothing to be done" in run.stdout + run.stderr
    work = list((finished / RESULTS).glob("**/work"))
    assert work
    assert [path for folder in work for path in folder.iterdir() if path.is_dir()] == []


def test_each_number_of_a_table_names_its_metrics_file_and_the_report_is_there(
    finished: Path,
) -> None:
    results = finished / RESULTS
    text = (results / "tables/ind.tex").read_text(encoding="utf-8")
    assert r"\toprule" in text and "Tiny-EC" in text
    twin = (results / "tables/ind.json").read_text(encoding="utf-8")
    assert "metrics/Tiny-EC/seed-0/PM.json" in twin
    assert "<html" in (results / "report.html").read_text(encoding="utf-8")
    assert (results / "report.pdf").read_bytes().startswith(b"%PDF")


def test_the_run_prints_a_line_for_each_job_and_its_log_has_the_details(finished: Path) -> None:
    printed = (finished / "printed.txt").read_text(encoding="utf-8")
    # The summary, and where the results are.
    assert "Tiny-EC" in printed
    assert "results/tiny/tables" in printed
    lines = printed.splitlines()
    (head,) = (line for line in lines if line.startswith("Study tiny: ") and " jobs: " in line)
    assert "1 adapter, 6 predictions, 2 latencies, 2 BERTScores" in head
    total = int(head.split()[2])
    lines = [line for line in lines if "] running" not in line]
    done = [re.fullmatch(r"\[ *(\d+)/(\d+)\] \S.*  (\d+ min )?\d+ s", line) for line in lines]
    assert [(int(one[1]), int(one[2])) for one in done if one] == [
        (number, total) for number in range(1, total + 1)
    ]
    assert any("] Predictions of Tiny-EC, seed 0, PM  " in line for line in lines)
    assert not any(line.startswith(("Reason: ", "Select jobs", "Finished jobid")) for line in lines)
    logs = (finished / ".snakemake/log").glob("*.log")
    assert max(log.read_text(encoding="utf-8").count("\nReason: ") for log in logs) >= total
