"""Nodes and partitions are read as `sinfo` writes them."""

import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.slurm_commands import Slurm

from ecslm.common.errors import InputError
from ecslm.preflight.slurm import commands
from ecslm.preflight.slurm.nodes import Node, gpus_of, minutes_of, read_nodes

FLAGS = "~#!%$@^-+"


def problem() -> str:
    with pytest.raises(InputError) as caught:
        read_nodes()
    (line,) = caught.value.problems
    return line


def test_a_line_is_a_node_in_a_partition(slurm: Slurm) -> None:
    slurm.prints(
        "sinfo",
        "gpu*|up|2-00:00:00|n1|mixed|500000|gpu:h100:8(S:0-1)\n"
        "long|inact|infinite|n2|idle~|64000|gpu:a100:4,gpu:h100:2,shard:8,gpu:1",
    )
    mixed = {"a100": 4, "h100": 2, "of no named type": 1}
    assert read_nodes() == (
        Node("gpu", True, True, 2880, "n1", True, 500_000, {"h100": 8}),
        Node("long", False, False, None, "n2", True, 64_000, mixed),
    )


def test_the_gpus_of_a_cluster_are_counted_once_a_node(slurm: Slurm) -> None:
    lines = ("gpu*|up|infinite|n1|idle|1|gpu:h100:8", "long|up|infinite|n1|idle|1|gpu:h100:8")
    slurm.prints("sinfo", "\n".join((*lines, "gpu*|up|infinite|n2|idle|1|gpu:h100:2")))
    assert gpus_of(read_nodes()) == {"h100": 10}


@given(
    st.sampled_from(["idle", "mixed", "allocated", "down", "drained", "draining", "maint"]),
    st.sampled_from(["", *FLAGS]),
    st.booleans(),
)
def test_a_node_takes_jobs_if_its_state_says_so_and_it_answers(
    state: str, flag: str, silent: bool
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        line = f"gpu|up|infinite|n1|{state}{flag}{'*' if silent else ''}|1|(null)\n"
        patch.setattr("ecslm.preflight.slurm.nodes.answer", lambda *_: line)
        (node,) = read_nodes()
    assert node.takes_jobs == (state in ("idle", "mixed", "allocated") and not silent)
    assert node.gpus == {}


@given(st.integers(0, 400), st.integers(0, 23), st.integers(0, 59), st.integers(0, 59))
def test_a_time_limit_is_read_in_each_form(days: int, hours: int, minutes: int, rest: int) -> None:
    total = (days * 24 + hours) * 60 + minutes + rest / 60
    assert minutes_of(f"{days}-{hours:02}:{minutes:02}:{rest:02}") == total
    assert minutes_of(f"{hours}:{minutes:02}:{rest:02}") == hours * 60 + minutes + rest / 60
    assert minutes_of(f"{minutes}:{rest:02}") == minutes + rest / 60


@given(st.text())
def test_anything_else_is_no_time_limit_and_one_line(text: str) -> None:
    try:
        assert minutes_of(text) is None or any(character.isdecimal() for character in text)
    except InputError as problems:
        assert len(problems.problems) == 1


@pytest.mark.parametrize("line", ["debug up", "gpu|up|infinite|n1|idle|many|(null)", "a|b"])
def test_what_another_program_prints_is_one_line(line: str, slurm: Slurm) -> None:
    slurm.prints("sinfo", line)
    assert problem() == f"sinfo: {line!r} is not what was asked for: is it that of SLURM?"


def test_a_cluster_that_cannot_be_asked_is_one_line(
    slurm: Slurm, monkeypatch: pytest.MonkeyPatch
) -> None:
    asks = "is this a machine of the cluster, and is its controller up? ask its operators"
    slurm.fails("sinfo", "slurm_load_partitions: Unable to contact")
    assert problem() == f"sinfo: slurm_load_partitions: Unable to contact: {asks}"
    slurm.fails("sinfo", "sinfo: error: Unknown host\nsinfo: fatal: No configuration\n\n", 3)
    assert problem() == f"sinfo: No configuration: {asks}"
    slurm.make("sinfo", "exit 3")
    assert problem() == f"sinfo: status 3: {asks}"

    def wait(command: list[str], timeout: float, **_: object) -> None:
        raise subprocess.TimeoutExpired(command, timeout)

    monkeypatch.setattr(commands.subprocess, "run", wait)
    assert problem().startswith("sinfo: no answer within 12 seconds")
    monkeypatch.setenv("PATH", "/nowhere")
    assert problem().startswith("sinfo: not here: start the run on a node")
