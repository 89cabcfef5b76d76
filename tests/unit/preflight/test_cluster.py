"""The checks of a cluster together: the first that is missing is told, and a node is tried last."""

from pathlib import Path
from typing import Any

import pytest
from support.planned_runs import lines, planned_run
from support.project import ROOT
from support.slurm_commands import ONE_NODE, Slurm

from ecslm.preflight import cluster
from ecslm.preflight.cluster import check_cluster
from ecslm.preflight.profiles import Profile
from ecslm.preflight.slurm.on_node import NodeReport
from ecslm.preflight.slurm.trial import Trial

DEFAULTS = {"slurm_partition": "gpu"}
SERVER = {
    "backend": "openai",
    "server": {"url": "http://localhost:1/v1", "model": "m"},
    "template": "alpaca",
    "access": {"key": "A_KEY"},
}


@pytest.fixture(autouse=True)
def slurm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Slurm:
    """Commands of a cluster with one node, which has all."""
    Path("scripts").symlink_to(ROOT / "scripts")
    for name in ("SLURM_JOB_ID", "A_KEY"):
        monkeypatch.delenv(name, raising=False)
    made = Slurm(tmp_path / "bin", monkeypatch)
    made.prints("sinfo", ONE_NODE)
    return made


@pytest.fixture
def tried(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int, list[str]]]:
    """The trials, each of which goes well: partition, GPUs and variables."""
    found: list[tuple[str, int, list[str]]] = []

    def go(place: Any, gpus: int, variables: list[str], asks_driver: bool) -> Trial:
        found.append((place.slurm_partition, gpus, variables))
        report = NodeReport(host="n1", other_versions={}, received="x", given_devices="0")
        assert not asks_driver
        return Trial(report, answered=True, received=True)

    monkeypatch.setattr(cluster, "try_node", go)
    return found


def told(profile: Profile | None = None, **study: Any) -> list[str]:
    chosen = profile or Profile("slurm", "slurm", default_resources=DEFAULTS)
    return lines(check_cluster(planned_run(chosen, **study)))


def test_a_cluster_that_has_all_passes(tried: list[Any]) -> None:
    assert told() == []
    assert tried == [("gpu", 1, [])]


def test_commands_that_are_not_here_are_one_line(
    slurm: Slurm, tried: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    (slurm.folder / "srun").unlink()
    monkeypatch.setenv("PATH", str(slurm.folder))
    (line,) = told()
    assert line.startswith("error: srun: not here: start the run on a login node of the cluster")
    monkeypatch.setenv("PATH", "/nowhere")
    (line,) = told()
    assert line.startswith("error: sinfo, sbatch, squeue and 1 more: not here")
    assert tried == []


def test_a_controller_that_does_not_answer_is_one_line(slurm: Slurm, tried: list[Any]) -> None:
    slurm.fails("sinfo", "slurm_load_partitions: Unable to contact slurm controller")
    (line,) = told()
    assert line.startswith(
        "error: sinfo: slurm_load_partitions: Unable to contact slurm controller"
    )
    assert tried == []


def test_a_run_within_a_job_is_warned_of(tried: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    (line,) = told()
    assert line.startswith("warning: SLURM_JOB_ID: this is within job 7, and would end with it")
    assert len(tried) == 1


def test_where_a_partition_or_an_account_is_wrong_no_job_is_sent(
    slurm: Slurm, tried: list[Any]
) -> None:
    slurm.prints("sacctmgr", "us")
    defaults = {"slurm_partition": "nosuch", "slurm_account": "none"}
    account, partition = told(Profile("slurm", "slurm", default_resources=defaults))
    assert account.endswith("you have no account `none`: set one of us")
    assert partition.endswith("the cluster has no partition `nosuch`: set one of gpu")
    slurm.prints("sinfo", ONE_NODE.replace("h100:8", "h100:1"))
    (line,) = told(gpus=2)
    assert line.startswith("error: studies.shop.gpus: each job takes 2 GPUs")
    assert tried == []


def test_to_an_account_that_is_wrong_no_job_is_charged(slurm: Slurm, tried: list[Any]) -> None:
    slurm.prints("sacctmgr", "us")
    defaults = DEFAULTS | {"slurm_account": "none"}
    (line,) = told(Profile("slurm", "slurm", default_resources=defaults))
    assert line.endswith("you have no account `none`: set one of us")
    assert tried == []


def test_options_that_are_no_words_of_a_shell_are_one_line(tried: list[Any]) -> None:
    wrong = Profile("slurm", "slurm", default_resources=DEFAULTS | {"slurm_extra": "'--exclude=n1"})
    assert told(wrong) == [
        "error: profiles/slurm/config.yaml: default-resources: slurm_extra: not words of a shell "
        "(No closing quotation): correct its quotation marks"
    ]
    assert not tried


def test_where_no_node_takes_jobs_none_is_tried(slurm: Slurm, tried: list[Any]) -> None:
    slurm.prints("sinfo", ONE_NODE.replace("idle", "drained"))
    (line,) = told()
    assert line.startswith("warning: sinfo: no node of partition `gpu` takes jobs now")
    assert tried == []


def test_of_each_partition_a_node_is_tried(slurm: Slurm, tried: list[Any]) -> None:
    slurm.prints("sinfo", f"{ONE_NODE}\n{ONE_NODE.replace('gpu*', 'long')}")
    chosen = {"train_adapter": {"slurm_partition": "long"}}
    assert told(Profile("slurm", "slurm", default_resources=DEFAULTS, set_resources=chosen)) == []
    assert sorted(tried) == [("gpu", 1, []), ("long", 1, [])]


def test_keys_that_are_set_here_are_looked_for_on_nodes(
    tried: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    study = {"models": {"Served": SERVER}}
    # That it is not set here is told with the keys.
    assert told(**study) == []
    monkeypatch.setenv("A_KEY", "sk-1234")
    assert told(**study) == []
    assert tried == [("gpu", 0, []), ("gpu", 0, ["A_KEY"])]


def test_a_run_that_sends_no_job_needs_no_partition(tried: list[Any]) -> None:
    run = planned_run(Profile("slurm", "slurm", default_resources={"slurm_partition": "nosuch"}))
    without = type(run)(run.plan, (), run.profile)
    (found,) = check_cluster(without)
    assert found.what == "no job of the run is sent to it"
    assert tried == []
