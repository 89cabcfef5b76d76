"""Nothing is computed twice: finished GPU work comes back from the cache, by real runs.

Runs that must compute nothing cannot import torch. Costs, which hold seconds, tell results that
were taken from those that were computed.
"""

import os
import shutil
from pathlib import Path

import yaml
from support import warm
from support.completed import CONFIGURATION, study_options
from support.edits import configured, logic
from support.graphs import due_commands
from support.interruption import Moment, kill_all, run_until
from support.project import ROOT

from ecslm.common.manifests import read_manifest

CACHE = Path("results/cache/finished")
ADAPTER = Path("results/local/adapters/Tiny-EC/seed-0")
NO_MODELS = {"PYTHONPATH": str(ROOT / "tests/support/no_models")}


def run(
    project: Path, study: str, *targets: str, environment: dict[str, str] = NO_MODELS
) -> set[str]:
    """Run some targets to the end, by default without models; returns the GPU jobs that ran."""
    for folder in (project / "results").glob("*/logs"):
        shutil.rmtree(folder)
    command = ["-m", "snakemake", "--cores", "1", *study_options(study), "--", *targets]
    ran = warm.run(command, project, {**os.environ, **environment})
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return set(logs(project, study))


def logs(project: Path, study: str = "local") -> dict[str, str]:
    """The logs of GPU jobs, by step and name."""
    paths = [
        path
        for step in ("train_adapter", "predict", "bertscore")
        for path in (project / "results" / study / "logs" / step).glob("*.log")
    ]
    return {f"{path.parent.name} {path.stem}": path.read_text() for path in paths}


def gpu_results(project: Path, study: str = "local") -> dict[str, bytes]:
    """Every file of adapters, predictions and BERTScores, costs included, by its path."""
    folder = project / "results" / study
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for step in ("adapters", "predictions", "bertscore")
        for path in sorted((folder / step).rglob("*"))
        if path.is_file() and "work" not in path.parts
    }


TRAINING = "train_adapter Tiny-EC-seed-0"
PREDICTIONS = {"predict Tiny-EC-seed-0-PM", "predict Tiny-EC-seed-0-QPR"}


def test_an_edit_that_is_undone_costs_nothing(project: Path) -> None:
    """Even if the cache was deleted, and the run killed: Snakemake deletes the adapter before it
    starts the job that trains the other one."""
    before = gpu_results(project)
    shutil.rmtree(project / CACHE)
    configuration = (project / "rerun_study.yaml").read_bytes()
    configured("studies.local.training.learning_rate", 3e-4)(project)
    moment = Moment("training has begun", "open w", "*/logs/train_adapter/*")
    kill_all(run_until(project, moment, "--cores", "1", *study_options("local"), "--", "adapters"))
    assert not (project / ADAPTER / "manifest.json").exists()
    (project / "rerun_study.yaml").write_bytes(configuration)
    assert TRAINING in run(project, "local", "adapters", "predictions")
    assert gpu_results(project) == before
    assert due_commands(project, CONFIGURATION.name, "local", "adapters", "predictions") == []


def test_every_step_is_taken_without_models_or_weights(project: Path) -> None:
    """An adapter, the predictions with it, and their BERTScores."""
    before = gpu_results(project, "generated")
    shutil.rmtree(project / "results/generated/adapters/Tiny-Chat/seed-0")
    for path in (project / "results/generated").glob("*/Tiny-Chat/seed-0/AG.*"):
        path.unlink()
    scores = "results/generated/bertscore/Tiny-Chat/seed-0/AG.jsonl"
    assert len(run(project, "generated", scores)) == 3
    assert gpu_results(project, "generated") == before
    for name, text in logs(project, "generated").items():
        assert "taken from the cache: " in text, name


def test_other_training_that_gives_the_same_weights_predicts_nothing_again(project: Path) -> None:
    """Such as by code that differs in what has no effect, as on a branch; and then back."""
    before = gpu_results(project)
    code = (project / "scripts/ecslm/training/fit.py").read_bytes()
    logic("ecslm/training/fit.py")(project)
    assert run(project, "local", "adapters", environment={}) == {TRAINING}
    assert "from step 0" in logs(project)[TRAINING]
    assert run(project, "local", "predictions") == PREDICTIONS
    after = gpu_results(project)
    assert (
        after["adapters/Tiny-EC/seed-0/manifest.json"]
        != (before["adapters/Tiny-EC/seed-0/manifest.json"])
    )
    for name in ("QPR.jsonl", "QPR.cost.json"):
        path = f"predictions/Tiny-EC/seed-0/{name}"
        assert after[path] == before[path]
    (project / "scripts/ecslm/training/fit.py").write_bytes(code)
    assert run(project, "local", "predictions") == {TRAINING, *PREDICTIONS}
    assert gpu_results(project) == before


def test_the_same_model_of_another_name_in_another_study_takes_the_results(project: Path) -> None:
    study = yaml.safe_load((project / "rerun_study.yaml").read_text())["studies"]["local"]
    study["models"] = {"Twin": study["models"]["Tiny-EC"]}
    del study["tables"]
    configured("studies.second", study)(project)
    jobs = {"train_adapter Twin-seed-0", "predict Twin-seed-0-PM", "predict Twin-seed-0-QPR"}
    assert run(project, "second", "predictions") == jobs
    found, expected = gpu_results(project, "second"), gpu_results(project)
    for name, content in found.items():
        # Manifests have the paths of inputs.
        if not name.endswith("manifest.json"):
            assert content == expected[name.replace("Twin", "Tiny-EC")]
    manifest = read_manifest(project / "results/second/predictions/Twin/seed-0/QPR.manifest.json")
    assert "results/second/adapters/Twin/seed-0/manifest.json" in manifest.inputs
    # Files of their own, of which one may be altered without the other.
    weights = "adapters/{}/seed-0/adapter_model.safetensors"
    one = project / "results/local" / weights.format("Tiny-EC")
    assert not one.samefile(project / "results/second" / weights.format("Twin"))
    assert due_commands(project, CONFIGURATION.name, "second", "predictions") == []


def test_a_shared_cache_serves_another_project_and_every_run_keeps_it_within_its_limit(
    project: Path, tmp_path: Path
) -> None:
    other, folder = tmp_path / "other", tmp_path / "shared"
    shutil.copytree(project, other)
    for path in (project / CACHE, other / CACHE, other / ADAPTER):
        shutil.rmtree(path)
    shared = {"ECSLM_CACHE": str(folder), "ECSLM_CACHE_GB": "1"}
    # Any run puts all results into it.
    cheap = "results/local/data_card.md"
    (project / cheap).unlink()
    assert run(project, "local", cheap, environment=NO_MODELS | shared) == set()
    assert run(other, "local", "adapters", environment=NO_MODELS | shared) == {TRAINING}
    assert not (project / CACHE).exists()
    assert "results/local/adapters/Tiny-EC/seed-0/manifest.json" in list_cache(project, shared)
    # Small files are copies, which take space; a run removes their entries at its end.
    (project / cheap).unlink()
    run(project, "local", cheap, environment=NO_MODELS | shared | {"ECSLM_CACHE_GB": "0"})
    assert "results/local" not in list_cache(project, shared)


def list_cache(project: Path, environment: dict[str, str]) -> str:
    ran = warm.run(["scripts/cache.py"], project, {**os.environ, **environment})
    assert ran.returncode == 0, ran.stderr
    return ran.stdout
