"""Asks SLURM what it has and what it would refuse, and one of its nodes what jobs would meet there.

The time limits of partitions are read with `sinfo`: on most clusters `sbatch --test-only` does not
judge them, and jobs beyond them wait for ever.
"""

import json
import os
import re
import shlex
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from filelock import FileLock, Timeout

from ecslm.common.errors import InputError
from ecslm.preflight.drivers import cuda_of_torch, read_driver

# Seconds to wait for a command; the commands themselves give up on a controller after nine.
SECONDS = 12
# Seconds to wait for a node, minutes that the job there may take, and seconds until it is given up.
SECONDS_TO_START, MINUTES = 30, 1
MOST_SECONDS = SECONDS_TO_START + 60 * MINUTES + 15
LATE = "no answer within"
BUSY = ("Requested nodes are busy", "Immediate execution impossible", LATE)
# What SLURM says of itself before a message, and of a program that has failed.
SPEAKER = re.compile(r"^(?:[\w-]+: )?(?:error|fatal): |^allocation failure: ")
STATUS = re.compile(r"task \d+: Exited with exit code")
# How SLURM writes so many GPUs of a type in a node's generic resources, for example `gpu:h100:8`.
GRES = re.compile(r"\bgpu:(?:([^:,()]+):)?(\d+)")
RESULTS, SCRIPT, LOCK = Path("results"), "scripts/check_node.py", "lock"
ANSWER = '{"problems": '


@dataclass(frozen=True)
class Cluster:
    """What a cluster has."""

    limits: Mapping[str, float | None] = field(default_factory=dict)
    """Of each partition the minutes that a job may take, None if any; the default one is also
    there without a name."""
    gpus: Mapping[str, int] = field(default_factory=dict)
    """How many GPUs of each type."""
    problem: str = ""
    """Why it cannot be asked."""


def read_cluster() -> Cluster:
    """The cluster of this machine."""
    # Some partitions are shown only to who asks for all.
    ask = ("sinfo", "--all", "--noheader", "--Node", "--exact", "--format=%P|%l|%N|%G")
    try:
        printed = ask_slurm(*ask)
    except InputError as problem:
        fix = "start the run on a login node of the cluster and, if this is one, ask its operators"
        return Cluster(problem=f"sinfo: {problem}: {fix}")
    limits: dict[str, float | None] = {}
    nodes: dict[str, str] = {}
    for line in printed.splitlines():
        name, limit, node, nodes[node] = map(str.strip, line.split("|"))
        limits[name.rstrip("*")] = minutes_of(limit)
        if name.endswith("*"):
            limits[""] = minutes_of(limit)
    gpus: Counter[str] = Counter()
    for resources in nodes.values():
        for kind, number in GRES.findall(resources):
            gpus[kind or "of no named type"] += int(number)
    return Cluster(limits, gpus)


def minutes_of(limit: str) -> float | None:
    """The minutes of a time limit such as `1-12:00:00`, `30:00` or `infinite`: None if there is
    none."""
    if limit in ("infinite", "n/a"):
        return None
    days, _, clock = limit.rpartition("-")
    seconds = 0
    for part in clock.split(":"):
        seconds = 60 * seconds + int(part)
    return 1440 * int(days or 0) + seconds / 60


def refusal(options: str) -> str:
    """Why SLURM would refuse a job with these options of `sbatch`, as a shell reads them; empty if
    it would not."""
    try:
        ask_slurm("sh", "-c", f"sbatch --test-only --export=ALL {options} --wrap=true")
    except InputError as problem:
        return str(problem)
    return ""


def ask_slurm(*words: str, seconds: float | None = None) -> str:
    """What a command of SLURM prints.

    Raises:
        InputError: it is not here, fails, or the controller does not answer; the reason in one
            line.
    """
    seconds = seconds or SECONDS
    try:
        run = subprocess.run(
            words, capture_output=True, text=True, check=True, timeout=seconds, errors="replace"
        )
    except FileNotFoundError:
        raise InputError("not on PATH") from None
    except subprocess.TimeoutExpired:
        raise InputError(f"{LATE} {seconds:g} seconds") from None
    except subprocess.CalledProcessError as failed:
        # The first line of an error, without who says it.
        lines = [line.strip() for line in failed.stderr.splitlines() if not STATUS.search(line)]
        said = [line for line in lines if SPEAKER.search(line)] or lines[-1:] or ["no reason given"]
        raise InputError(SPEAKER.sub("", said[0])) from None
    return run.stdout


def try_node(options: str, variables: Sequence[str], on_gpu: bool) -> list[str] | None:
    """What a job would lack on a node, None if none was free in time; it leaves nothing behind.

    Args:
        options: of `srun`, for where it runs, as a shell reads them.
        variables: environment variables that jobs need.
        on_gpu: whether jobs run models on GPUs.

    Raises:
        InputError: the job failed.
    """
    RESULTS.mkdir(parents=True, exist_ok=True)
    own = f"--quiet --job-name=ecslm-check --export=ALL --input=none --time={MINUTES} --mem=1000"
    own += f" --immediate={SECONDS_TO_START} --ntasks=1 --chdir={shlex.quote(str(Path.cwd()))}"
    with TemporaryDirectory(prefix=".check-", dir=RESULTS) as folder:
        script = [sys.executable, SCRIPT, "--folder", folder, *(["--driver"] * on_gpu)]
        for variable in variables:
            script += ["--variable", variable]
        command = f"exec srun {own} {options} -- {shlex.join(script)}"
        try:
            with FileLock(Path(folder, LOCK), fallback_to_soft=False):
                printed = ask_slurm("sh", "-c", command, seconds=MOST_SECONDS)
        except OSError as problem:
            return [f"this machine has no locks below {RESULTS} ({problem.strerror})"]
        except InputError as problem:
            if any(text in str(problem) for text in BUSY):
                return None
            raise
    # A cluster's prologue may print other lines.
    answers = [line for line in printed.splitlines() if line.startswith(ANSWER)]
    found: list[str] = json.loads(answers[0])["problems"] if answers else ["it printed nothing"]
    return found


def problems_here(folder: Path, variables: Sequence[str], on_gpu: bool) -> Iterator[str]:
    """What a job lacks on this machine, a node. Arguments as of `try_node`.

    Args:
        folder: where the other side holds a lock.
    """
    results, lock = folder.parent.resolve(), folder / LOCK
    if not lock.is_file():
        yield (
            f"{results} is another folder there than here: put it where nodes and this machine see "
            "the same files, not on a node's own disk"
        )
    else:
        try:
            with FileLock(lock, timeout=0, fallback_to_soft=False):
                yield (
                    f"it could take a lock below {results} that this machine holds: use a folder "
                    "whose locks hold on all nodes (NFS without `nolock` and `local_lock`, Lustre "
                    "with `flock`), or two runs could train the same adapter at once"
                )
        except Timeout:
            pass
        except OSError as error:
            yield f"files below {results} cannot be written and locked there ({error.strerror})"
    for name in variables:
        if not os.environ.get(name, "").strip():
            yield f"the environment variable {name} is set here, but not there: see `--export=ALL`"
    if on_gpu:
        try:
            driver = read_driver()
        except InputError as problem:
            yield str(problem)
            return
        if driver is None or not driver.gpus:
            yield "a job sees no NVIDIA GPU there: choose a partition that has some"
        elif why := driver.problem(cuda_of_torch()):
            yield f"NVIDIA driver: {why}"
