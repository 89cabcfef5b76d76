"""The profile of a machine with GPUs: the same jobs, on devices of their own."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from support.completed import study_options
from support.project import ROOT
from support.scratch import errors, list_jobs, start_snakemake

GENERATED = study_options("generated")
PROFILE = ("--workflow-profile", "profiles/gpu")
ON_GPU = {"train_adapter", "predict", "measure_latency", "bertscore", "export_model"}
BROKEN_DRIVER = {"PYTHONPATH": str(ROOT / "tests/support/broken_driver")}


def test_it_runs_the_same_jobs_which_lease_a_gpu_before_they_load_torch(completed: Path) -> None:
    """Those that ask are told that the driver does not answer, and there is no torch."""
    due = ("--dry-run", "--forceall", "--cores", "1", *GENERATED, "--", "all", "latency", "export")
    before, after = (
        sorted(list_jobs(completed, *options, *due), key=lambda job: job.name)
        for options in ((), PROFILE)
    )
    assert [job.name for job in after] == [job.name for job in before]
    for job, other in zip(after, before, strict=True):
        command = (other.command or "").replace("--device cpu", "--device cuda")
        assert (job.command or "") == command
        assert ("--device cuda" in command) == (job.rule in ON_GPU)
    finished = list_jobs(completed, *PROFILE, "--dry-run", "--cores", "1", *GENERATED)
    assert [job.name for job in finished if job.command] == [], "it runs nothing again"
    commands = {job.rule: job.command for job in after}
    for rule in ("predict", "train_adapter"):
        _, *command = shlex.split(commands[rule] or "")
        done = subprocess.run(
            [sys.executable, *command],
            cwd=completed,
            env=os.environ | BROKEN_DRIVER,
            capture_output=True,
            text=True,
            check=False,
        )
        assert errors(done.stderr) == [
            "device: the NVIDIA driver does not answer (Unknown Error): make `nvidia-smi` "
            "work, for example by a restart after an update of the driver; in a container, set "
            "NVIDIA_DRIVER_CAPABILITIES=compute,utility"
        ], (rule, done.stderr)
        assert done.returncode == 1


@pytest.mark.parametrize(
    ("options", "variables", "words"),
    [
        (("--resources", "gpu=0"), {}, "--resources gpu=0: "),
        (("--resources", "api=1"), {}, "--resources without gpu: "),
        (PROFILE, BROKEN_DRIVER, "device: the NVIDIA driver does not answer"),
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
    (line,) = errors(printed.read_text(encoding="utf-8"))
    assert words in line
