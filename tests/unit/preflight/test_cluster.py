"""What SLURM would refuse, and what nodes lack, is a line each; a node is tried last."""

from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock
from hypothesis import given
from hypothesis import strategies as st
from support.planned_runs import lines, planned_run
from support.plans import MODELS
from support.project import ROOT
from support.slurm_commands import ONE_NODE, Slurm

from ecslm.common.errors import InputError
from ecslm.preflight import slurm as asking
from ecslm.preflight.cluster import check_cluster
from ecslm.preflight.profiles import Profile
from ecslm.preflight.slurm import minutes_of, problems_here

SERVER = {
    "backend": "openai",
    "server": {"url": "http://localhost:1/v1", "model": "m"},
    "template": "alpaca",
    "access": {"key": "A_KEY"},
}


@pytest.fixture(autouse=True)
def slurm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Slurm:
    """A cluster of one node, which is this machine."""
    Path("scripts").symlink_to(ROOT / "scripts")
    for name in ("SLURM_JOB_ID", "A_KEY"):
        monkeypatch.delenv(name, raising=False)
    return Slurm(tmp_path / "bin", monkeypatch)


def profile(at_once: int = 1, *grouped: str, **resources: str) -> Profile:
    defaults = {"slurm_partition": "gpu"}
    return Profile("slurm", "slurm", at_once, defaults, resources, frozenset(grouped))


def told(chosen: Profile | None = None, **study: Any) -> list[str]:
    return lines(check_cluster(planned_run(chosen or profile(), **study)))


def test_each_rule_is_judged_by_what_its_jobs_ask_for_and_each_place_is_tried_once(
    slurm: Slurm,
) -> None:
    chosen = {"train_adapter:gpu_model": "h100", "train_adapter:slurm_extra": "--exclude='n 2'"}
    assert told(profile(**chosen, **{"predict:mem_mb": "7"}), gpus=2) == []
    training, predictions = slurm.asked("sbatch")
    assert training.startswith("--test-only --export=ALL --partition=gpu --time=")
    assert training.endswith(" --exclude=n 2 --gpus=h100:2 --wrap=true")
    assert predictions.endswith(" --mem=7 --gpus=1 --wrap=true")
    tried = [line.partition(" -- ")[0] for line in slurm.asked("srun")]
    assert [line.partition("--chdir=")[2].split(" ", 1)[1] for line in tried] == [
        "--partition=gpu --exclude=n 2 --gpus=h100:1",
        "--partition=gpu --gpus=1",
    ]
    assert not list(Path("results").iterdir())


@pytest.mark.parametrize("at_once", [1, 2])
def test_predictions_of_one_model_and_seed_ask_together(slurm: Slurm, at_once: int) -> None:
    tasks = {"tasks": ["PM", "SA", "QPR"], "models": {"Small": MODELS["Small"]}}
    for grouped in ((), ("predict",)):
        assert told(profile(at_once, *grouped, **{"predict:runtime": "20"}), **tasks) == []
    one, together = slurm.asked("sbatch")
    memory = [int(line.partition("--mem=")[2].split()[0]) for line in (one, together)]
    assert "--time=20 " in one
    assert "--gpus=1 " in one
    assert f"--time={60 if at_once == 1 else 40} " in together
    assert f"--gpus={at_once} " in together
    assert memory[1] == at_once * memory[0]


def test_what_slurm_refuses_is_a_line_with_its_reason_and_no_job_is_sent(slurm: Slurm) -> None:
    slurm.fails("sbatch", "sbatch: error: invalid partition specified: gpu\nallocation failure: no")
    for line, rule in zip(told(), ("train_adapter", "predict"), strict=True):
        assert line.startswith(
            f"error: profiles/slurm/config.yaml: resources of {rule}: SLURM would not run a job "
            "with --partition=gpu --time="
        )
        assert "(invalid partition specified: gpu): correct partition, account" in line
        assert f"`{rule}:runtime=`" in line
    slurm.has(ONE_NODE.replace("infinite", "5:00"))
    slurm.make("sbatch", "exit 0")
    assert all("(jobs of the partition may take 5 minutes)" in line for line in told())
    assert slurm.asked("srun") == []


@given(st.integers(0, 99), st.integers(0, 23), st.integers(0, 59))
def test_time_limits_are_read_as_sinfo_writes_them(days: int, hours: int, minutes: int) -> None:
    assert (
        minutes_of(f"{days}-{hours:02}:{minutes:02}:30") == (days * 24 + hours) * 60 + minutes + 0.5
    )
    assert minutes_of(f"{minutes}:00") == minutes
    assert minutes_of("infinite") is None


def test_a_cluster_that_cannot_be_asked_is_one_line(
    slurm: Slurm, monkeypatch: pytest.MonkeyPatch
) -> None:
    slurm.fails("sinfo", "slurm_load_partitions: Unable to contact slurm controller")
    (line,) = told()
    assert line.startswith("error: sinfo: slurm_load_partitions: Unable to contact slurm control")
    slurm.make("sinfo", "exec sleep 9")
    monkeypatch.setattr(asking, "SECONDS", 0.1)
    (line,) = told()
    assert "no answer within 0.1 seconds" in line
    (slurm.folder / "sinfo").unlink()
    monkeypatch.setenv("PATH", str(slurm.folder))
    (line,) = told()
    assert line.startswith("error: sinfo: not on PATH: start the run on a login node of the clus")


def test_a_run_within_a_job_is_warned_of_and_tries_no_node(
    slurm: Slurm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    (line,) = told()
    assert line.startswith("warning: SLURM_JOB_ID: this is within job 7, from where no node is")
    assert slurm.asked("srun") == []


@pytest.mark.parametrize(
    ("node", "words"),
    [
        ({"before": "echo a prologue"}, None),
        ({"before": 'rm "$folder/lock"'}, "results is another folder there than here: put it"),
        ({"before": 'cp "$folder/lock" "$folder/l"; mv "$folder/l" "$folder/lock"'}, "it could ta"),
        (
            {"starts": "echo \"slurmstepd: error: couldn't chdir to \\`/x'\" >&2; exit 1"},
            "a short job fails there (couldn't chdir to `/x'): put the project with its .venv",
        ),
        ({"starts": "echo Requested nodes are busy >&2; exit 1"}, "none was free in time"),
    ],
)
def test_what_a_node_lacks_is_one_line(
    node: dict[str, str], words: str | None, slurm: Slurm
) -> None:
    slurm.runs_jobs(**node)
    found = told()
    assert len(found) == (words is not None)
    assert words is None or words in found[0]
    assert not list(Path("results").iterdir())


def test_keys_that_are_set_here_are_looked_for_on_nodes(
    slurm: Slurm, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = {"models": {"Served": SERVER}}
    # That it is not set here is told with the keys.
    assert told(**study) == []
    monkeypatch.setenv("A_KEY", "sk-1234")
    slurm.runs_jobs(before="unset A_KEY")
    (line,) = told(**study)
    assert "the environment variable A_KEY is set here, but not there" in line
    assert "sk-1234" not in line + "".join(slurm.asked("srun"))


def test_gpus_of_a_node_are_looked_for_where_jobs_use_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise InputError("the driver does not answer")

    monkeypatch.setattr(asking, "read_driver", fail)
    with FileLock(tmp_path / "lock"):
        assert list(problems_here(tmp_path, (), on_gpu=False)) == []
        assert list(problems_here(tmp_path, (), on_gpu=True)) == ["the driver does not answer"]
        monkeypatch.setattr(asking, "read_driver", lambda: None)
        (line,) = problems_here(tmp_path, (), on_gpu=True)
    assert line.startswith("a job sees no NVIDIA GPU there")
