"""The profile of a machine with GPUs: the same jobs, on devices of their own."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from support.completed import study_options
from support.project import ROOT
from support.scratch import ListJobs, start_snakemake

GENERATED = study_options("generated")
PROFILES = [("--workflow-profile", "profiles/gpu"), ("--profile", "profiles/gpu")]
ON_GPU = {"train_adapter", "predict", "measure_latency", "bertscore", "export_model"}
BROKEN_DRIVER = {"PYTHONPATH": str(ROOT / "tests/support/broken_driver")}


@pytest.mark.parametrize("profile", PROFILES, ids=lambda profile: profile[0])
def test_it_runs_the_same_jobs_on_gpus_and_none_again(
    profile: tuple[str, str], project: Path, list_jobs: ListJobs
) -> None:
    plain = ("--dry-run", "--cores", "1", *GENERATED)
    done = list_jobs(project, *plain)
    assert list_jobs(project, *profile, *plain) == done
    assert not ON_GPU & {job.rule for job in done}
    due = ("--forceall", *plain, "--", "all", "latency", "export")
    before, after = (
        sorted(list_jobs(project, *options, *due), key=lambda job: job.name)
        for options in ((), profile)
    )
    assert [job.name for job in after] == [job.name for job in before]
    for job, other in zip(after, before, strict=True):
        assert (job.command is None) == (other.command is None)
        command = (other.command or "").replace("--device cpu", "--device cuda")
        assert (job.command or "") == command
        assert ("--device cuda" in command) == (job.rule in ON_GPU)
    assert {job.rule for job in after} >= ON_GPU


def test_every_job_of_a_gpu_asks_for_its_device_before_it_loads_torch(
    project: Path, list_jobs: ListJobs
) -> None:
    """What asks is told that the driver does not answer, and there is no torch."""
    due = ("--dry-run", "--forceall", *GENERATED, "--", "all", "latency", "export")
    jobs = {job.rule: job.command for job in list_jobs(project, *PROFILES[0], *due)}
    for rule in sorted(ON_GPU):
        command = shlex.split(jobs[rule] or "")
        done = subprocess.run(
            [sys.executable, *command[1:]],
            cwd=project,
            env=os.environ | BROKEN_DRIVER,
            capture_output=True,
            text=True,
            check=False,
        )
        errors = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
        assert errors == [
            "error: device: the NVIDIA driver does not answer (Unknown Error): make `nvidia-smi` "
            "work, for example by a restart after an update of the driver"
        ], (rule, done.stderr)
        assert (done.returncode, "Traceback" in done.stderr) == (1, False)


@pytest.mark.parametrize(
    ("options", "variables", "words"),
    [
        (("--resources", "gpu=0"), {}, "--resources gpu=0: "),
        (("--resources", "api=1"), {}, "--resources without gpu: "),
        (PROFILES[0], BROKEN_DRIVER, "device: the NVIDIA driver does not answer"),
    ],
    ids=["a limit of no GPUs", "no limit", "a broken driver"],
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
    lines = printed.read_text(encoding="utf-8").splitlines()
    errors = [line for line in lines if line.startswith("error: ")]
    assert len(errors) == 1, lines
    assert words in errors[0]
    assert not [line for line in lines if "Traceback" in line]
