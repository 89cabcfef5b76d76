"""A partition that is not there or does not suffice is told, with what to set instead."""

from dataclasses import replace

import pytest
from support.planned_runs import lines, node, planned_run

from ecslm.preflight.findings import Finding
from ecslm.preflight.planned_run import PlannedRun
from ecslm.preflight.profiles import Profile
from ecslm.preflight.slurm.asked import Asked, Place
from ecslm.preflight.slurm.nodes import Node
from ecslm.preflight.slurm.offered import check_offer, partition_of

FILE = "profiles/slurm/config.yaml"
PARTITION = f"error: {FILE}: default-resources: slurm_partition"
TRAINING = Asked("train_adapter", "train_adapter Big-EC 0", Place("gpu"), 1, 64_000, 600)
PREDICTION = Asked("predict", "predict Big-EC 0", Place("gpu"), 1, 32_000, 300)


@pytest.fixture(scope="module")
def run() -> PlannedRun:
    profile = Profile("slurm", "slurm", default_resources={"slurm_partition": "gpu"})
    return PlannedRun(planned_run(profile).plan, (), profile)


def told(run: PlannedRun, *nodes: Node, jobs: tuple[Asked, ...] = (TRAINING,)) -> list[str]:
    """What is told of a cluster of these nodes."""
    partition = partition_of(run, jobs, nodes)
    found = [partition] if isinstance(partition, Finding) else check_offer(run, partition)
    return lines(found)


def to(partition: str = "gpu", model: str = "", **changes: int) -> tuple[Asked, ...]:
    """A training that asks for something else."""
    return (replace(TRAINING, place=Place(partition, gpu_model=model), **changes),)


def test_a_partition_that_suffices_is_told(run: PlannedRun) -> None:
    nodes = (node(limit=600, h100=8), node("n2", limit=600, a100=2, h100=2), node("n3", "cpu"))
    partition = partition_of(run, (TRAINING, PREDICTION), nodes)
    assert not isinstance(partition, Finding)
    (found,) = check_offer(run, partition)
    assert str(found) == (
        "partition `gpu`: 2 nodes with up to 2 x a100, 8 x h100 GPUs, at most 10 hours"
    )
    assert not told(run, node(a100=1), jobs=to("", "a100"))


def test_a_partition_that_is_not_there_names_those_that_are(run: PlannedRun) -> None:
    nodes = (node(), node(partition="cpu"))
    for wanted in ("nosuch", "gpu,nosuch"):
        assert told(run, *nodes, jobs=to(wanted)) == [
            f"{PARTITION}: the cluster has no partition `nosuch`: set one of gpu, cpu"
        ]
    assert told(run, node(partition="cpu"), jobs=to("")) == [
        f"{PARTITION}: the cluster has no default partition: set one of cpu"
    ]


def test_a_partition_that_is_closed_is_refused_and_one_without_living_nodes_waited_for(
    run: PlannedRun,
) -> None:
    closed = replace(node(h100=1), is_up=False)
    assert told(run, closed, node(partition="long")) == [
        f"{PARTITION}: partition `gpu` takes no jobs now: set another of gpu, long"
    ]
    down = replace(node(h100=1), takes_jobs=False)
    (line,) = told(run, down)
    assert line.startswith("warning: sinfo: no node of partition `gpu` takes jobs now: all would")
    assert not told(run, down, node("n2", h100=1))


def test_a_partition_without_gpus_names_those_with(run: PlannedRun) -> None:
    what = "no node of partition `gpu` has GPUs, needed for train_adapter Big-EC 0"
    assert told(run, node(), node("n2", "a100", a100=1), node("n2", "h100", h100=1)) == [
        f"{PARTITION}: {what}: set one of a100, h100"
    ]
    assert told(run, node())[0].startswith(f"{PARTITION}: {what}: no other has any: ask")
    assert not told(run, node(), jobs=to(gpus=0))


def test_a_type_of_gpu_that_is_not_there_names_those_that_are(run: PlannedRun) -> None:
    assert told(run, node(h100=8), node("n2", a100=2), jobs=to(model="v100")) == [
        f"error: {FILE}: default-resources: gpu_model: no node of partition `gpu` has GPUs of the "
        "type `v100`: set one of a100, h100"
    ]


def test_more_gpus_than_a_node_has_are_refused_with_the_key_to_change(run: PlannedRun) -> None:
    nodes = (node(h100=4), node("n2", h100=4), node("n3", a100=8))
    assert told(run, *nodes, jobs=to(model="h100", gpus=5)) == [
        "error: studies.shop.gpus: each job takes 5 GPUs, but no node of partition `gpu` has more "
        "than 4 of the type `h100`: set it to 4"
    ]
    assert not told(run, *nodes, jobs=to(gpus=5))
    assert told(run, *nodes, jobs=(TRAINING, replace(PREDICTION, gpus=9))) == [
        f"error: {FILE}: resources: gpu: each job takes 9 GPUs, but no node of partition `gpu` has "
        "more than 8: set it to 8"
    ]


def test_memory_counts_on_nodes_that_have_the_gpus(run: PlannedRun) -> None:
    nodes = (node(memory_mb=48_000, h100=1), node("n2", memory_mb=900_000))
    assert told(run, *nodes, jobs=(TRAINING, PREDICTION)) == [
        f"{PARTITION}: nodes of partition `gpu` have 48,000 MB of memory at most, but up to 64,000 "
        "are asked for train_adapter Big-EC 0: set another; if less is enough, set "
        '"train_adapter:mem_mb=48000" in `set-resources`'
    ]
    assert not told(run, *nodes, jobs=to(gpus=0))
    assert not told(run, node(memory_mb=64_000, h100=1))


def test_time_counts_against_the_longest_limit_of_all_partitions_named(run: PlannedRun) -> None:
    short, long = node(limit=90, h100=1), node(partition="long", limit=600, h100=1)
    assert told(run, short, long, jobs=(TRAINING, PREDICTION)) == [
        f"{PARTITION}: jobs of partition `gpu` may take 90 minutes, but up to 10 hours are asked "
        'for train_adapter Big-EC 0, predict Big-EC 0: set another, or "train_adapter:runtime=90" '
        "in `set-resources`: a training that is cut off continues from its last checkpoint in the "
        "next run"
    ]
    assert not told(run, short, long, jobs=to("gpu,long"))
    assert not told(run, short, replace(long, limit=None), jobs=to("gpu,long", minutes=10**6))
