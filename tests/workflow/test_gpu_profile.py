"""The profile of a machine with GPUs: the same jobs, on devices of their own."""

import os
import re
import shlex
from pathlib import Path

from support import warm
from support.completed import CONFIGURATION, study_options
from support.graphs import commands_of
from support.project import ROOT
from support.scratch import errors, snakemake, start_snakemake

GENERATED = study_options("generated")
PROFILE = ("--workflow-profile", "profiles/gpu")
LOADING = {"train_adapter", "predict"}
ON_GPU = {*LOADING, "measure_latency", "bertscore", "export"}
BROKEN_DRIVER = {"PYTHONPATH": str(ROOT / "tests/support/broken_driver")}


def test_it_runs_the_same_jobs_which_lease_a_gpu_before_they_load_torch(completed: Path) -> None:
    """Those that ask are told that the driver does not answer, and there is no torch."""
    targets = ("all", "latency", "export")
    options = ("--dry-run", "--forceall", "--printshellcmds", "--cores", "1", *GENERATED)
    run = snakemake(completed, *PROFILE, *options, "--", *targets)
    commands = set(re.findall(r"(?:^|: | )(python scripts/.*)$", run.stdout, re.MULTILINE))
    without = commands_of(completed, CONFIGURATION.name, "generated", *targets)
    assert commands == {one.replace("--device cpu", "--device cuda") for one in without}
    script = {one: Path(one.split()[1]).stem for one in commands}
    assert all(("--device cuda" in one) == (script[one] in ON_GPU) for one in commands)
    for rule, one in {script[one]: one for one in commands if script[one] in LOADING}.items():
        _, *command = shlex.split(one)
        done = warm.run(command, completed, os.environ | BROKEN_DRIVER)
        assert errors(done.stderr) == [
            "device: the NVIDIA driver does not answer (Unknown Error): make `nvidia-smi` "
            "work, for example by a restart after an update of the driver"
        ], (rule, done.stderr)
        assert done.returncode == 1


def test_a_run_that_the_machine_cannot_do_is_refused_before_anything_starts(
    project: Path, tmp_path: Path
) -> None:
    printed = tmp_path / "printed.txt"
    arguments = (*PROFILE, "--cores", "1", *GENERATED, "--forcerun", "predict")
    assert start_snakemake(project, printed, *arguments, environment=BROKEN_DRIVER).wait() == 1
    (line,) = errors(printed.read_text(encoding="utf-8"))
    assert "device: the NVIDIA driver does not answer" in line
