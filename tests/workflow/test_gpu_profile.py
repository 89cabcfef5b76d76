"""The profile of a machine with GPUs: the same jobs, on devices of their own."""

import os
import shlex
from pathlib import Path

import pytest
from support import warm
from support.completed import CONFIGURATION, study_options
from support.project import ROOT
from support.scratch import errors, list_jobs, start_snakemake

from ecslm.provenance.dag import read_dag

GENERATED = study_options("generated")
PROFILE = ("--workflow-profile", "profiles/gpu")
LOADING = {"train_adapter", "predict"}
ON_GPU = {*LOADING, "measure_latency", "bertscore", "export_model"}
BROKEN_DRIVER = {"PYTHONPATH": str(ROOT / "tests/support/broken_driver")}


def test_it_runs_the_same_jobs_which_lease_a_gpu_before_they_load_torch(
    completed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those that ask are told that the driver does not answer, and there is no torch."""
    due = ("--dry-run", "--forceall", "--cores", "1", *GENERATED, "--", "all", "latency", "export")
    planned = list_jobs(completed, *PROFILE, *due)
    commands = {job.command: job.rule for job in planned if job.command}
    monkeypatch.chdir(completed)
    with read_dag([Path(CONFIGURATION.name)], "generated", ("all", "latency", "export")) as dag:
        without = [dag.command(job) for job in dag.jobs]
    assert commands.keys() == {one.replace("--device cpu", "--device cuda") for one in without}
    assert all(("--device cuda" in one) == (rule in ON_GPU) for one, rule in commands.items())
    for rule, job in {job.rule: job for job in planned if job.rule in LOADING}.items():
        _, *command = shlex.split(job.command or "")
        done = warm.run(command, completed, os.environ | BROKEN_DRIVER)
        assert errors(done.stderr) == [
            "device: the NVIDIA driver does not answer (Unknown Error): make `nvidia-smi` "
            "work, for example by a restart after an update of the driver; in a container, set "
            "NVIDIA_DRIVER_CAPABILITIES=compute,utility"
        ], (rule, done.stderr)
        assert done.returncode == 1


@pytest.mark.parametrize(
    ("options", "variables", "words"),
    [
        (("--resources", "api=1"), {}, "--resources without gpu: "),
        (PROFILE, BROKEN_DRIVER, "device: the NVIDIA driver does not answer"),
    ],
    ids=["no limit", "a broken driver"],
)
def test_a_run_that_the_machine_cannot_do_is_refused_before_anything_starts(
    options: tuple[str, str],
    variables: dict[str, str],
    words: str,
    project: Path,
    tmp_path: Path,
) -> None:
    printed = tmp_path / "printed.txt"
    arguments = (*options, "--cores", "1", *GENERATED, "--forcerun", "predict")
    assert start_snakemake(project, printed, *arguments, environment=variables).wait() == 1
    (line,) = errors(printed.read_text(encoding="utf-8"))
    assert words in line
