"""A job on a node that is this machine, where one thing after the other is wrong."""

import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.no_locks import no_locks
from support.planned_runs import lines, planned_run
from support.slurm_commands import Slurm

from ecslm.preflight.findings import Finding
from ecslm.preflight.planned_run import PlannedRun
from ecslm.preflight.profiles import Profile
from ecslm.preflight.slurm import told as told_module
from ecslm.preflight.slurm import trial
from ecslm.preflight.slurm.asked import Place
from ecslm.preflight.slurm.on_node import NodeDriver, NodeReport
from ecslm.preflight.slurm.told import tell
from ecslm.preflight.slurm.trial import Trial, outside_of_jobs, try_node

NODES = "error: nodes of partition `gpu`"
DEVICES = "CUDA_VISIBLE_DEVICES"


@pytest.fixture(scope="module")
def run() -> PlannedRun:
    return planned_run(Profile("slurm", "slurm"))


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(DEVICES, raising=False)


def told(run: PlannedRun, place: Place | None = None, gpus: int = 0, **more: Any) -> list[str]:
    """What is told of a trial that leaves nothing behind."""
    done = try_node(place or Place("gpu"), gpus, more.get("variables", ()), asks_driver=False)
    assert list(Path("results").iterdir()) == []
    return lines(tell(run, "gpu", done, gpus))


def test_a_node_that_has_all_passes(slurm: Slurm, run: PlannedRun) -> None:
    slurm.runs_jobs("echo 'welcome {to} the cluster'")
    assert told(run) == []
    done = try_node(Place("gpu"), 0, (), asks_driver=False)
    (found,) = tell(run, "gpu", done, 0)
    host = os.uname().nodename
    assert found.what.startswith(f"node {host} of partition `gpu`: environment, shared folder")


def test_the_job_is_sent_as_those_of_the_run_are(slurm: Slurm, run: PlannedRun) -> None:
    slurm.runs_jobs(f"export {DEVICES}=0")
    place = Place("gpu", "us", "h100", "high", "nvlink", "--reservation=mine --nice")
    assert told(run, place, gpus=4) == []
    options = slurm.asked[: slurm.asked.index("--")]
    wanted = ("partition=gpu", "account=us", "qos=high", "constraint=nvlink", "gpus=h100:1")
    assert {*options} > {*(f"--{one}" for one in wanted), "--reservation=mine", "--nice"}
    assert {"--immediate=30", "--time=1", f"--chdir={Path.cwd()}"} < {*options}
    assert told(run, Place()) == []
    named = ("--partition", "--account", "--gpus", "--qos", "--constraint")
    assert not [option for option in slurm.asked if option.startswith(named)]
    assert slurm.asked[slurm.asked.index("--") + 1] == sys.executable
    assert "--driver" not in slurm.asked
    try_node(Place(), 0, (), asks_driver=True)
    assert "--driver" in slurm.asked


def test_a_folder_that_is_another_one_there_is_told(slurm: Slurm, run: PlannedRun) -> None:
    place = f"{Path.cwd()}/results is another folder there than here: put it where nodes"
    # The node does not see what is here, and the other way round.
    for before in ('rm -r "$folder"', 'echo other > "$folder/sent"'):
        slurm.runs_jobs(before)
        (line,) = told(run)
        assert place in line
    slurm.runs_jobs(starts='"$@"; rm "$folder/answered"')
    (line,) = told(run)
    assert place in line


def test_a_folder_that_cannot_be_written_there_is_told(slurm: Slurm, run: PlannedRun) -> None:
    slurm.runs_jobs('mkdir "$folder/answered"')
    (line,) = told(run)
    assert f"it cannot write into {Path.cwd()}/results (Is a directory): have the" in line


def test_a_lock_that_a_node_can_take_is_told(slurm: Slurm, run: PlannedRun) -> None:
    # Each side has a lock of its own, as on NFS with `nolock`.
    slurm.runs_jobs('rm "$folder/locked"')
    (line,) = told(run)
    assert line.startswith(f"error: {Path.cwd()}/results: node ")
    assert "could take a lock that this machine holds: use a folder whose locks hold on" in line
    assert "NFS 3 without `nolock`" in line
    assert line.endswith("otherwise two runs could train the same adapter at once")


def test_a_file_system_without_locks_is_told(
    slurm: Slurm, run: PlannedRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    slurm.runs_jobs('rm "$folder/locked"; mkdir "$folder/locked"')
    (line,) = told(run)
    assert f"no locks on node {os.uname().nodename} (" in line

    monkeypatch.setattr(fcntl, "flock", no_locks)
    slurm.runs_jobs()
    (line,) = told(run)
    assert "results: no locks there (Function not implemented): use a folder" in line


def test_a_variable_that_does_not_get_there_is_told_but_never_what_is_in_it(
    slurm: Slurm, run: PlannedRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("ONE_KEY", "OTHER_KEY"):
        monkeypatch.setenv(name, "sk-1234")
    slurm.runs_jobs("unset ONE_KEY")
    (line,) = told(run, variables=("ONE_KEY", "OTHER_KEY"))
    assert line.startswith("error: ONE_KEY: the environment variable ONE_KEY is set here, but not")
    assert "sk-1234" not in line + "".join(slurm.asked)


def test_a_job_that_is_not_told_its_gpu_is_warned_of(slurm: Slurm, run: PlannedRun) -> None:
    slurm.runs_jobs()
    done = try_node(Place("gpu"), 1, (), asks_driver=False)
    assert [one.severity for one in tell(run, "gpu", done, 1)] == ["warning", "ok"]
    (line,) = told(run, gpus=1)
    assert line.startswith("warning: gres.conf: SLURM gave the job a GPU, but does not tell it")


def test_within_a_job_the_trial_is_a_job_of_its_own(
    slurm: Slurm, run: PlannedRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    slurm.runs_jobs(f'echo "$SLURM_JOB_ID." > {slurm.folder}/job')
    assert told(run) == []
    assert (slurm.folder / "job").read_text() == ".\n"


@given(st.dictionaries(st.sampled_from(["SLURM_CONF", "SLURM_ACCOUNT", "HOME"]), st.text()))
def test_outside_of_a_job_defaults_of_the_user_stay(variables: Mapping[str, str]) -> None:
    assert outside_of_jobs(variables) == variables
    within = outside_of_jobs({**variables, "SLURM_JOB_ID": "7"})
    assert within == {key: of for key, of in variables.items() if key != "SLURM_ACCOUNT"}


def no_script(folder: str) -> str:
    return (
        f"/p/bin/python: can't open file '{folder}/scripts/check_node.py': [Errno 2] No such file"
    )


@pytest.mark.parametrize(
    ("said", "line"),
    [
        (
            "srun: error: n1: task 0: Exited with exit code 2\n"
            "slurmstepd-n1: error: execve(): /p/.venv/bin/python: No such file or directory",
            f"{NODES}: they have no /p/.venv/bin/python: put the project with its .venv, and",
        ),
        (
            "slurmstepd-n1: error: couldn't chdir to `/p': No such file or directory: going to "
            f"/tmp instead\n{no_script('/tmp')}",
            f"{NODES}: they do not see /",
        ),
        (
            f"{no_script('/p')}\nsrun: error: n1: task 0: Exited with exit code 2",
            f"{NODES}: they have no scripts/check_node.py in /",
        ),
        (
            "Traceback (most recent call last):\nModuleNotFoundError: No module named 'filelock'\n"
            "srun: error: n1: task 0: Exited with exit code 1",
            f"{NODES}: a short job fails there: ModuleNotFoundError: No module named 'filelock': ",
        ),
        (
            "srun: error: Unable to allocate resources: Invalid account or account/partition "
            "combination specified",
            f"{NODES}: a short job fails there: Unable to allocate resources: Invalid account or",
        ),
        ("", f"{NODES}: a short job fails there: no reason given: correct it"),
        (
            "srun: error: Unable to allocate resources: Requested nodes are busy",
            "warning: partition `gpu`: no node was free within 30 seconds: nodes are not checked: ",
        ),
    ],
)
def test_a_job_that_does_not_run_is_one_line(
    said: str, line: str, slurm: Slurm, run: PlannedRun
) -> None:
    slurm.fails("srun", said, 2)
    (found,) = told(run)
    assert found.startswith(line)


def test_a_job_that_prints_something_else_has_failed(slurm: Slurm, run: PlannedRun) -> None:
    slurm.prints("srun", '{"host": 3}\n[]\nhello')
    (line,) = told(run)
    assert "a short job fails there: no reason given" in line


def test_a_job_that_hangs_is_given_up_and_ended(
    slurm: Slurm, run: PlannedRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = slurm.folder / "ended"
    slurm.make("srun", f"trap 'touch {ended}; kill $!; exit 1' TERM; sleep 60 & wait")
    # The job needs some of them to begin.
    monkeypatch.setattr(trial, "MOST_SECONDS", 2)
    (line,) = told(run)
    assert line.startswith("warning: partition `gpu`: a short job did not end within")
    assert ended.exists()


def test_ctrl_c_ends_the_job_and_leaves_nothing(slurm: Slurm) -> None:
    ended, begun = slurm.folder / "ended", slurm.folder / "begun"
    # The first SIGINT would only make it tell of the job.
    traps = f"trap 'touch {ended}; kill $!; exit 1' TERM; trap 'touch {slurm.folder}/told' INT"
    slurm.make("srun", f"{traps}; touch {begun}; sleep 60 & wait")
    code = (
        "import sys; sys.path.insert(0, 'scripts')\n"
        "from ecslm.preflight.slurm.trial import Place, try_node\n"
        "try_node(Place(), 0, (), False)"
    )
    check = subprocess.Popen(
        [sys.executable, "-c", code], stderr=subprocess.PIPE, start_new_session=True
    )
    while not begun.exists():
        time.sleep(0.02)
    os.killpg(check.pid, signal.SIGINT)
    check.communicate()
    assert ended.exists()
    assert not (slurm.folder / "told").exists()
    assert list(Path("results").iterdir()) == []


REPORT = NodeReport(host="n1", other_versions={}, received="x", cuda_of_torch=(13, 0))
DRIVER = NodeDriver(version="580.1", cuda=(13, 0), gpus=("NVIDIA H100",))


def told_of(**found: Any) -> list[str]:
    """What is told of a node that a run needs for models on GPUs."""
    on_gpus = planned_run(Profile("slurm", "slurm"), device="cuda", precision={})
    report = REPORT.model_copy(update={"driver": DRIVER, "given_devices": "0", **found})
    done = Trial(report, answered=True, received=True)
    findings: list[Finding] = [*tell(on_gpus, "gpu", done, 1)]
    return lines(findings)


def test_the_driver_of_a_node_has_to_run_what_torch_is_built_for() -> None:
    assert told_of() == []
    old = DRIVER.model_copy(update={"cuda": (12, 8)})
    assert told_of(driver=old) == [
        "error: NVIDIA driver: 580.1 on node n1 runs CUDA up to 12.8, but torch is built for 13.0: "
        "install a driver for CUDA 13, or a build of torch for CUDA 12"
    ]
    # That it is for the CPU alone is told with the driver of this machine.
    assert told_of(cuda_of_torch=None) == []


def test_a_node_without_a_gpu_is_told_where_models_run_on_one() -> None:
    for driver in (None, DRIVER.model_copy(update={"gpus": ()})):
        (line,) = told_of(driver=driver)
        assert line.startswith("error: studies.shop.device: cuda, but a job sees no NVIDIA GPU on")
    (line,) = told_of(driver=None, driver_problem="device: it does not answer")
    assert line == "error: NVIDIA driver: device: it does not answer (on node n1)"


def test_libraries_of_a_node_are_compared_as_those_here_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(told_module.sys, "prefix", "/p/.venv")
    assert told_of(other_versions={"peft": "0.1", "ruff": "1"}) == [
        "error: peft: 0.1 on node n1, 0.21.2 in requirements.lock: give the nodes this "
        "environment: /p/.venv",
        "warning: ruff: other versions on node n1 than in requirements.lock: give the nodes this "
        "environment: /p/.venv",
    ]
