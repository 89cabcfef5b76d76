"""The nodes of a SLURM cluster and its partitions, as `sinfo` tells them."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ecslm.common.errors import InputError
from ecslm.preflight.slurm.commands import answer

# Partition (with an asterisk if it is the default one), whether it is up, its time limit, and of
# each of its nodes the name, state, memory in MiB and generic resources.
FORMAT = "%P|%a|%l|%N|%T|%m|%G"
# How SLURM writes so many GPUs of a type in a node's generic resources, for example `gpu:h100:8`.
GRES = re.compile(r"\bgpu:(?:(?P<type>[^:,()]+):)?(?P<number>\d+)")
UNNAMED = "of no named type"
LIMIT = re.compile(
    r"(?:(?P<days>\d+)-(?=\d))?(?:(?:(?P<hours>\d+):)?(?P<minutes>\d+):)?(?P<seconds>\d+)"
)
# States in which a node takes jobs, now or when its present ones have ended.
TAKES_JOBS = frozenset({"idle", "mixed", "allocated", "completing", "planned", "reserved"})
# After a state: a node that does not answer, or that is going to be switched off and so on.
NOT_ANSWERING, FLAGS = "*", "*~#!%$@^-+"


@dataclass(frozen=True)
class Node:
    """A node as part of a partition."""

    partition: str
    is_default: bool
    """Whether jobs that name no partition are sent to this one."""
    is_up: bool
    """Whether the partition takes jobs."""
    limit: float | None
    """Minutes that a job of the partition may take; None if any."""
    name: str
    takes_jobs: bool
    memory_mb: int
    gpus: Mapping[str, int] = field(default_factory=dict, hash=False)
    """Number of GPUs of each type."""


def read_nodes() -> tuple[Node, ...]:
    """All nodes, once for each of their partitions.

    Raises:
        InputError: SLURM cannot be asked here, or answers something else.
    """
    # Some partitions are shown only to who asks for all.
    printed = answer("sinfo", "--all", "--noheader", "--Node", "--exact", f"--format={FORMAT}")
    return tuple(_node(line) for line in printed.splitlines() if line.strip())


def gpus_of(nodes: Iterable[Node]) -> Counter[str]:
    """How many GPUs of each type they have together."""
    found: Counter[str] = Counter()
    # A node may be in several partitions.
    for node in {node.name: node for node in nodes}.values():
        found.update(node.gpus)
    return found


def minutes_of(limit: str) -> float | None:
    """The minutes of a time limit such as `1-12:00:00`, `30:00` or `infinite`: None if there is
    none.

    Raises:
        InputError: it is none.
    """
    if limit in ("infinite", "n/a"):
        return None
    found = LIMIT.fullmatch(limit)
    if found is None:
        raise InputError(f"sinfo: {limit} is no time limit: is it that of SLURM?")
    days, hours, minutes, seconds = (int(value or 0) for value in found.groups())
    return (days * 24 + hours) * 60 + minutes + seconds / 60


def _node(line: str) -> Node:
    parts = [part.strip() for part in line.split("|")]
    if len(parts) != FORMAT.count("|") + 1 or not parts[5].isdecimal():
        raise InputError(f"sinfo: {line.strip()!r} is not what was asked for: is it that of SLURM?")
    partition, available, limit, name, state, memory, resources = parts
    gpus: Counter[str] = Counter()
    for one in GRES.finditer(resources):
        gpus[one["type"] or UNNAMED] += int(one["number"])
    return Node(
        partition=partition.rstrip("*"),
        is_default=partition.endswith("*"),
        is_up=available == "up",
        limit=minutes_of(limit),
        name=name,
        takes_jobs=state.rstrip(FLAGS) in TAKES_JOBS and NOT_ANSWERING not in state,
        memory_mb=int(memory),
        gpus=gpus,
    )
