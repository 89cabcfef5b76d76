"""A whole study on a tiny random model: every stage real, from records to tables.

The processes of the whole run start from nothing, as they do for users.
"""

import contextlib
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from support.scratch import cold_snakemake, copy_project, planned_jobs, snakemake
from support.small_rows import write_small_rows
from support.stated_jobs import all_jobs_of
from support.tiny import write_tiny_encoder, write_tiny_model

from ecslm.common.files import read_jsonl
from ecslm.estimates.estimate import MIB
from ecslm.plan.plan import Plan
from ecslm.provenance.changes import differences
from ecslm.provenance.dag import read_dag
from ecslm.provenance.integrity import damage
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
    run = cold_snakemake(project, "--resources", "gpu=2", *RUN, *TARGETS)
    assert run.returncode == 0, run.stdout + run.stderr
    (project / "printed.txt").write_text(run.stdout + run.stderr, encoding="utf-8")
    return project


def test_a_second_run_has_nothing_to_do(finished: Path) -> None:
    run = snakemake(finished, *RUN, *TARGETS)
    assert run.returncode == 0, run.stderr
    assert "Nothing to be done" in run.stdout + run.stderr


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
        for job in all_jobs_of(Plan.read([STUDY], None)):
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


def test_the_adapter_names_what_it_was_made_from(finished: Path) -> None:
    path = finished / RESULTS / "adapters/Tiny-EC/seed-0/manifest.json"
    manifest = json.loads(path.read_text(encoding="utf-8"))
    assert manifest["source"] == "Tiny"
    assert manifest["settings"]["precision"] == {"quantization": "nf4", "dtype": "float32"}
    assert manifest["code"].startswith("code:")
    assert set(manifest["files"]) == {"adapter_config.json", "adapter_model.safetensors"}
    assert manifest["records"] == {"AG": 4, "PM": 4, "QPR": 4}


def test_every_result_has_the_manifest_of_what_it_would_be_made_from_now(finished: Path) -> None:
    with contextlib.chdir(finished):
        with read_dag([STUDY], None, None) as dag:
            jobs = dag.jobs
        assert {job.rule for job in jobs if not job.due} == {
            *("base_model", "check_data", "dataset", "describe_data", "leakage", "data_card"),
            *("train_adapter", "predict", "measure_latency", "bertscore"),
            *("score", "score_baseline", "choose_baseline", "differences", "compare"),
            "tidy_scores",
            *(
                "render_table",
                "draw_figures",
                "draw_rule_graph",
                "report_page",
                "report_pdf",
                "export_model",
                "model_card",
            ),
        }
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


def test_no_finished_work_is_kept_after_a_whole_run(finished: Path) -> None:
    work = list((finished / RESULTS).glob("**/work"))
    assert work
    assert [path for folder in work for path in folder.iterdir() if path.is_dir()] == []


def test_tables_are_drawn_and_each_number_names_its_metrics_file(finished: Path) -> None:
    text = (finished / RESULTS / "tables/ind.tex").read_text(encoding="utf-8")
    assert r"\toprule" in text and "Tiny-EC" in text
    twin = (finished / RESULTS / "tables/ind.json").read_text(encoding="utf-8")
    assert "metrics/Tiny-EC/seed-0/PM.json" in twin


def test_the_report_is_there_as_a_page_and_as_a_pdf(finished: Path) -> None:
    assert "<html" in (finished / RESULTS / "report.html").read_text(encoding="utf-8")
    assert (finished / RESULTS / "report.pdf").read_bytes().startswith(b"%PDF")


def test_the_run_ends_with_a_summary_and_the_place_of_the_results(finished: Path) -> None:
    printed = (finished / "printed.txt").read_text(encoding="utf-8")
    assert "Tiny-EC" in printed
    assert "results/tiny/tables" in printed


def test_the_run_prints_a_line_for_each_job_and_its_log_has_the_details(finished: Path) -> None:
    lines = (finished / "printed.txt").read_text(encoding="utf-8").splitlines()
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


def test_an_edited_metric_reruns_no_gpu_job(finished: Path) -> None:
    path = finished / "scripts/ecslm/scoring/metrics/ndcg.py"
    original = path.read_text(encoding="utf-8")
    path.write_text(original + "\n\ndef added() -> int:\n    return 1\n", encoding="utf-8")
    try:
        run = snakemake(finished, "--dry-run", *RUN, "all")
    finally:
        path.write_text(original, encoding="utf-8")
    jobs = planned_jobs(run.stdout + run.stderr)
    assert jobs == {
        "all": 1,
        "score": 2,
        "score_baseline": 2,
        "choose_baseline": 1,
        "differences": 1,
        "compare": 1,
        "tidy_scores": 1,
        "render_table": 5,
        "draw_figures": 1,
        "report_page": 1,
    }
