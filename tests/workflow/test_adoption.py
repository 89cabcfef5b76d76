"""Results that were copied into a fresh clone: verified, recorded, and not made again."""

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
from support.scratch import list_jobs, snakemake

from ecslm.common.files import read_json, write_json
from ecslm.provenance.results import RECORDS

RESULTS = Path("results/generated")
ADAPTER = RESULTS / "adapters/Tiny-Chat/seed-0"
PREDICTIONS = RESULTS / "predictions/Tiny/seed-0/QPR.jsonl"


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
    assert "Traceback" not in run.stderr
    return [
        line.removeprefix("error: ")
        for line in run.stderr.splitlines()
        if line.startswith("error: ")
    ]


def planned(project: Path, study: str = "generated") -> set[str]:
    jobs = list_jobs(project, "--dry-run", *study_options(study))
    return {job.name for job in jobs if job.command}


def test_copied_results_are_not_used_before_they_are_verified(copied: Path) -> None:
    (line,) = refusals(snakemake(copied, "--dry-run", *study_options("generated")))
    assert "not built by a run in this directory" in line
    assert "`make adopt STUDY=generated`" in line


def test_results_copied_over_those_that_were_made_here_are_not_used_either(project: Path) -> None:
    manifest = project / PREDICTIONS.with_suffix(".manifest.json")
    write_json(manifest, read_json(manifest) | {"code": "code:of-another-commit"})
    (line,) = refusals(snakemake(project, "--dry-run", *study_options("generated")))
    assert line.startswith(f"{PREDICTIONS.with_suffix('.manifest.json')}: not built by a run in")


def test_after_they_are_adopted_nothing_is_made_again(copied: Path) -> None:
    before = {path: path.read_bytes() for path in (copied / RESULTS).rglob("*") if path.is_file()}
    run = adopt(copied)
    assert run.returncode == 0, run.stderr
    assert run.stdout.startswith("verified and recorded: the results of ")
    assert planned(copied) == set()
    assert {path: path.read_bytes() for path in before} == before


def test_a_copied_study_without_its_raw_data_is_adopted(copied: Path) -> None:
    """Nor does any finished study need them."""
    shutil.rmtree(copied / "data")
    assert adopt(copied, "local").returncode == 0
    assert planned(copied, "local") == set()


def test_without_its_raw_data_no_dataset_file_is_deleted_to_be_rebuilt(project: Path) -> None:
    shutil.rmtree(project / "data")
    logic("ecslm/data/cleaning.py")(project)
    line, _ = refusals(snakemake(project, "--cores", "1", *study_options("local")))
    assert line.startswith(f"{LOCAL_RECORDS}: no such file, but results/local/")
    assert "must be rebuilt (`make why STUDY=local` says why)" in line
    assert list((project / "results/local/dataset").glob("*/*.jsonl")) != []


def test_an_altered_adapter_is_refused_and_nothing_is_recorded(copied: Path) -> None:
    weights = copied / ADAPTER / "adapter_model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    (line,) = refusals(adopt(copied))
    assert line.startswith(f"{ADAPTER}/manifest.json: {ADAPTER}/adapter_model.safetensors: altered")
    assert "copy it again, or `rm " in line
    (line,) = refusals(snakemake(copied, "--dry-run", *study_options("generated")))
    assert line.startswith(f"{ADAPTER}/adapter_model.safetensors: altered: ")
    assert list((copied / RECORDS).iterdir()) == []
    shutil.rmtree(copied / ADAPTER)
    (line,) = refusals(adopt(copied))
    assert line.startswith(f"{ADAPTER}/manifest.json: missing, but results that were built")
    (command,) = re.findall("copy it too, or `(rm .*)`", line)
    subprocess.run(command, shell=True, cwd=copied, check=True)
    assert adopt(copied).returncode == 0
    concerned = ("train_adapter Tiny-Chat/*", "predict Tiny-Chat/*", "bertscore Tiny-Chat/*")
    for name in planned(copied):
        costly = name.split()[0] in ("dataset", "train_adapter", "predict", "bertscore")
        assert not costly or any(fnmatchcase(name, pattern) for pattern in concerned), name
    assert "train_adapter Tiny-Chat/seed-0" in planned(copied)


def exchange_predictions(project: Path) -> None:
    """Those of two seeds, with their manifests and dates."""
    seeds = [project / RESULTS / f"predictions/Tiny-Exact/seed-{seed}" for seed in (0, 1)]
    for name in ("QPR.jsonl", "QPR.manifest.json"):
        between = seeds[0] / "between"
        (seeds[0] / name).rename(between)
        (seeds[1] / name).rename(seeds[0] / name)
        between.rename(seeds[1] / name)


def test_predictions_that_were_exchanged_are_refused(copied: Path) -> None:
    exchange_predictions(copied)
    lines = refusals(adopt(copied))
    for seed in (0, 1):
        manifest = RESULTS / f"predictions/Tiny-Exact/seed-{seed}/QPR.manifest.json"
        assert any(line.startswith(f"{manifest}: {manifest}: belongs to seed") for line in lines)


def test_predictions_of_other_code_are_refused(copied: Path) -> None:
    logic("ecslm/prediction/transformers_backend.py")(copied)
    lines = refusals(adopt(copied))
    assert any(line.startswith(str(PREDICTIONS.with_suffix(".manifest.json"))) for line in lines)
    assert all("ecslm.prediction.transformers_backend has changed" in line for line in lines)


def test_scores_of_other_code_are_made_again_and_no_gpu_job(copied: Path) -> None:
    logic("ecslm/scoring/metrics/ndcg.py")(copied)
    assert adopt(copied).returncode == 0
    jobs = planned(copied)
    assert {name.split()[0] for name in jobs} == {
        *("score", "score_baseline", "score_over_seeds", "choose_baseline", "differences"),
        *("compare", "tidy_scores", "render_table", "draw_figures", "report_page"),
    }
    assert {name.split("/")[-1] for name in jobs if name.startswith("score")} == {"QPR"}
