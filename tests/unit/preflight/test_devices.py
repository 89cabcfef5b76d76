"""What GPUs there are is told, with the lines that refuse a run which asks for others."""

from dataclasses import replace

import pytest
from support import machine
from support.planned_runs import GPU, driver, lines, node, planned_run

from ecslm.common.errors import InputError
from ecslm.preflight import planned_run as planned
from ecslm.preflight.devices import check_devices, listed
from ecslm.preflight.gpus import Driver
from ecslm.preflight.profiles import Profile
from ecslm.provenance import gpus as of_runs
from ecslm.provenance.gpus import GpuNeed, check_gpus

TWO = driver(GPU, GPU)
NO_GPU = (
    "cuda, but this machine has no NVIDIA GPU: run it on a machine with one, send its jobs to a "
    "cluster with PROFILE=slurm, or run models on the CPU: `device: cpu`, and PROFILE=default"
)


@pytest.fixture(autouse=True)
def visible(monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment that hides no GPU."""
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)


def use(found: Driver | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with these GPUs, of which those that are not whole are instances of one."""
    monkeypatch.setattr(planned, "read_driver", lambda: found)
    numbered = [*enumerate(found.gpus if found else ())]
    present = [machine.Gpu(f"GPU-{number}") for number, gpu in numbered if gpu.whole]
    if parts := tuple(f"MIG-{number}" for number, gpu in numbered if not gpu.whole):
        present.append(machine.Gpu("GPU-parts", instances=parts, partitioned=True))
    machine.install(present, monkeypatch.setattr)


def told(
    found: Driver | None, monkeypatch: pytest.MonkeyPatch, handed_out: int = 1, **more: object
) -> list[str]:
    """What is told of a run on this machine."""
    use(found, monkeypatch)
    study = {"device": "cuda", "precision": {}} | more
    return lines(check_devices(planned_run(Profile("gpu", gpus=handed_out), **study)))


def test_as_many_gpus_as_there_are_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    for gpus in (1, 2):
        assert not told(TWO, monkeypatch, gpus)
    assert not told(TWO, monkeypatch, 2, gpus=2)
    assert listed(TWO.gpus) == "2 x NVIDIA Z100 (80 GB)"


def test_gpus_that_the_profile_leaves_idle_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    use(TWO, monkeypatch)
    study = {"device": "cuda", "precision": {}}
    for gpus, more in ((1, ", of which jobs use 1 at a time"), (2, ""), (None, "")):
        (found,) = check_devices(planned_run(Profile("gpu", gpus=gpus), **study))
        assert found.what == f"2 x NVIDIA Z100 (80 GB){more}"


def test_on_a_cpu_none_are_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not told(None, monkeypatch, device="cpu")


def test_without_a_gpu_the_ways_to_one_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    assert told(None, monkeypatch) == [f"error: studies.shop.device: {NO_GPU}"]


def on(device: str) -> dict[str, dict[str, str]]:
    """Resources of rules that run their models on a device."""
    return {rule: {"device": device} for rule in ("train_adapter", "predict")}


def test_where_a_profile_runs_models_on_gpus_its_key_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    use(None, monkeypatch)
    of_models = Profile("gpu", gpus=1, set_resources=on("cuda"))
    line = f"error: profiles/gpu/config.yaml: set-resources: {NO_GPU}"
    assert lines(check_devices(planned_run(of_models))) == [line]
    on_cpu = Profile("mine", gpus=1, set_resources=on("cpu"))
    assert not lines(check_devices(planned_run(on_cpu, device="cuda", precision={})))


def test_gpus_that_the_environment_hides_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    use(TWO, monkeypatch)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    monkeypatch.setattr(planned, "read_driver", driver)
    run = planned_run(Profile("gpu", gpus=1), device="cuda", precision={})
    assert lines(check_devices(run)) == [
        "error: CUDA_VISIBLE_DEVICES: '' hides all GPUs of this machine: unset it, or name some"
    ]


def test_a_driver_that_does_not_answer_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise InputError("device: the NVIDIA driver does not answer: make it")

    monkeypatch.setattr(planned, "read_driver", fail)
    monkeypatch.setattr(of_runs, "list_devices", fail)
    run = planned_run(Profile("gpu"), device="cuda", precision={})
    assert lines(check_devices(run)) == [
        "error: device: the NVIDIA driver does not answer: make it"
    ]


def test_parts_of_a_gpu_cannot_train_together(monkeypatch: pytest.MonkeyPatch) -> None:
    part = replace(GPU, name="NVIDIA Z100 MIG 1g.10gb", whole=False)
    assert not told(driver(part, part), monkeypatch, 2)
    assert told(driver(part, part), monkeypatch, 2, gpus=2) == [
        "error: gpus: 2 are asked for, but this machine has 0, which instances of one are not: set "
        "as many in the study (--processes), or run on a machine with more"
    ]


@pytest.mark.parametrize("device", ["cuda", "cpu"])
@pytest.mark.parametrize("handed_out", [None, 0, 1, 2, 3, 4])
@pytest.mark.parametrize("gpus", [1, 2, 3])
@pytest.mark.parametrize("executor", ["local", "other"])
def test_the_lines_are_those_by_which_the_run_would_be_refused(
    device: str, handed_out: int | None, gpus: int, executor: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A training asks for `gpus` of two, and predictions and BERTScores for one."""
    use(TWO, monkeypatch)
    run = planned_run(
        Profile("gpu", executor, gpus=handed_out), device=device, precision={}, gpus=gpus
    )
    jobs = [job.rule for job in run.jobs if job.rule in ("train_adapter", "predict", "bertscore")]
    needs = [GpuNeed(gpus if rule == "train_adapter" else 1, device) for rule in jobs]
    refused: list[str] = []
    try:
        check_gpus(needs, handed_out, executor == "local")
    except InputError as problems:
        refused += problems.problems
    assert lines(check_devices(run)) == [f"error: {line}" for line in refused]


def test_under_slurm_the_gpus_are_those_of_the_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planned, "read_driver", lambda: None)
    told_of = []
    for nodes in ((node(h100=8), node(partition="other", h100=8), node("n2", a100=4)), (node(),)):
        monkeypatch.setattr(planned, "read_nodes", lambda nodes=nodes: nodes)
        run = planned_run(Profile("slurm", executor="slurm"), device="cuda", precision={})
        told_of += [finding.what for finding in check_devices(run)]
    assert told_of == ["the cluster has 4 x a100, 8 x h100", "the cluster has none"]


def test_a_cluster_that_cannot_be_asked_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def fail() -> None:
        asked.append(1)
        raise InputError("sinfo: not here")

    monkeypatch.setattr(planned, "read_nodes", fail)
    run = planned_run(Profile("slurm", executor="slurm"), device="cuda", precision={})
    for _ in range(2):
        # Why it cannot is told with the cluster.
        assert list(check_devices(run)) == []
        with pytest.raises(InputError, match="sinfo: not here"):
            run.cluster.clear()
    assert asked == [1]
