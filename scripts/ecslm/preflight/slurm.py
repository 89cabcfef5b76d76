"""Asks SLURM what it has and what it would refuse, and one of its nodes what jobs would meet there.

What `sbatch --test-only` does not judge on most clusters is read with `sinfo`: the time limit of a
partition, and whether it takes jobs. Jobs beyond a limit would wait for ever.
"""

import json
import os
import re
import secrets
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from filelock import FileLock, Timeout

from ecslm.common.errors import InputError
from ecslm.preflight.drivers import cuda_of_torch, read_driver

# Those that the executor and the checks use.
COMMANDS = ("sinfo", "sbatch", "squeue", "srun")
# Seconds to wait for a command; the commands themselves give up on a controller after nine.
SECONDS = 12
# Seconds to wait for a node, minutes that the job there may take, and seconds until it is given up.
SECONDS_TO_START, MINUTES = 30, 1
MOST_SECONDS = SECONDS_TO_START + 60 * MINUTES + 15
# What SLURM says of itself before a message, and of a program that has failed.
SPEAKER = re.compile(r"^(?:[\w-]+: )?(?:error|fatal): |^allocation failure: ")
STATUS = re.compile(r"task \d+: Exited with exit code")
BUSY = ("Requested nodes are busy", "Immediate execution impossible")
# How SLURM writes so many GPUs of a type in a node's generic resources, for example `gpu:h100:8`.
GRES = re.compile(r"\bgpu:(?:([^:,()]+):)?(\d+)")
RESULTS, SCRIPT = Path("results"), Path("scripts/check_node.py")
SENT, LOCK = "sent", "lock"
# Set in a job of SLURM, where `srun` would run within that job.
JOB = "SLURM_JOB_ID"


@dataclass(frozen=True)
class Partition:
    """A partition; `limit` is the minutes that a job may take, None if any."""

    is_default: bool
    is_up: bool
    limit: float | None


@dataclass(frozen=True)
class Cluster:
    """The partitions of a cluster by name, and how many GPUs of each type it has."""

    partitions: Mapping[str, Partition]
    gpus: Mapping[str, int]


def read_cluster() -> Cluster:
    """The cluster of this machine.

    Raises:
        InputError: SLURM cannot be asked here, or answers something else.
    """
    # Some partitions are shown only to who asks for all.
    ask = ("sinfo", "--all", "--noheader", "--Node", "--exact", "--format=%P|%a|%l|%N|%G")
    run = command(*ask)
    if run.returncode:
        raise InputError(
            f"sinfo: {reason(run.stderr)}: is this a machine of the cluster, and is its controller "
            "up? ask its operators"
        )
    partitions: dict[str, Partition] = {}
    nodes: dict[str, str] = {}
    try:
        for line in filter(None, run.stdout.splitlines()):
            name, state, limit, node, nodes[node] = map(str.strip, line.split("|"))
            partition = Partition(name.endswith("*"), state == "up", minutes_of(limit))
            partitions[name.rstrip("*")] = partition
    except ValueError:
        raise InputError(f"sinfo: {line!r} is not what was asked for: is it SLURM's?") from None
    gpus: Counter[str] = Counter()
    for resources in nodes.values():
        for kind, number in GRES.findall(resources):
            gpus[kind or "of no named type"] += int(number)
    return Cluster(partitions, gpus)


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


def refusal(options: Sequence[str]) -> str:
    """Why SLURM would refuse a job with these options of `sbatch`; empty if it would not."""
    run = command("sbatch", "--test-only", "--export=ALL", *options, "--wrap=true")
    return reason(run.stderr) if run.returncode else ""


def missing_commands() -> list[str]:
    """The commands that are not on PATH."""
    return [name for name in COMMANDS if shutil.which(name) is None]


def command(*words: str) -> subprocess.CompletedProcess[str]:
    """Run a command of SLURM.

    Raises:
        InputError: it is not here, or the controller does not answer.
    """
    try:
        return subprocess.run(
            words,
            capture_output=True,
            text=True,
            check=False,
            timeout=SECONDS,
            errors="replace",
        )
    except FileNotFoundError:
        raise InputError(f"{words[0]}: not here: start the run on a login node") from None
    except subprocess.TimeoutExpired:
        raise InputError(
            f"{words[0]}: no answer within {SECONDS} seconds: is the controller up? ask its "
            "operators"
        ) from None


def reason(printed: str) -> str:
    """What a command says of its failure: the first line of an error, without who says it."""
    lines = [line.strip() for line in printed.splitlines() if not STATUS.search(line)]
    said = [line for line in lines if SPEAKER.search(line)] or lines[-1:] or ["no reason given"]
    return SPEAKER.sub("", said[0])


class NoNodeError(Exception):
    """No node was free in time."""


def try_node(options: Sequence[str], variables: Sequence[str], on_gpu: bool) -> list[str]:
    """What a job would lack on a node; it leaves nothing behind.

    Args:
        options: of `srun`, for where it runs.
        variables: environment variables that jobs need.
        on_gpu: whether jobs run models on GPUs.

    Raises:
        NoNodeError: no node was free in time.
        InputError: the job failed.
        OSError: there are no locks here.
    """
    RESULTS.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=".check-", dir=RESULTS) as name:
        folder, token = Path(name), secrets.token_hex()
        (folder / SENT).write_text(token, encoding="utf-8")
        script = [sys.executable, str(SCRIPT), "--folder", name, *(["--driver"] * on_gpu)]
        for variable in variables:
            script += ["--variable", variable]
        with FileLock(folder / LOCK, fallback_to_soft=False):
            printed = _srun([*options, "--", *script])
        for line in printed.splitlines():
            # A cluster's prologue may print others.
            if line.startswith('{"problems": '):
                found: list[str] = json.loads(line)["problems"]
                return found
    raise InputError("the job printed nothing")


def _srun(options: Sequence[str]) -> str:
    """What a short job prints. It is ended before this goes on, also after Ctrl-C."""
    own = ("--quiet", "--job-name=ecslm-check", "--export=ALL", "--input=none")
    needs = (f"--time={MINUTES}", "--mem=1000", f"--immediate={SECONDS_TO_START}", "--ntasks=1")
    with subprocess.Popen(
        ["srun", *own, *needs, f"--chdir={Path.cwd()}", *options],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        # Ctrl-C reaches it as SIGTERM: the first SIGINT would only make it tell of the job.
        start_new_session=True,
    ) as process:
        try:
            stdout, stderr = process.communicate(timeout=MOST_SECONDS)
        except subprocess.TimeoutExpired:
            raise NoNodeError from None
        finally:
            process.terminate()
    if any(text in stderr for text in BUSY):
        raise NoNodeError
    if process.returncode:
        raise InputError(reason(stderr))
    return stdout


def problems_here(folder: Path, variables: Sequence[str], on_gpu: bool) -> Iterator[str]:
    """What a job lacks on this machine, a node. Arguments as of `try_node`.

    Args:
        folder: where the other side has put a file, and holds a lock.
    """
    results = folder.parent.resolve()
    if not (folder / SENT).is_file():
        yield (
            f"{results} is another folder there than here: put it where nodes and this machine see "
            "the same files, not on a node's own disk"
        )
    else:
        try:
            (folder / "answered").touch()
            with FileLock(folder / LOCK, timeout=0, fallback_to_soft=False):
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
        yield from _problems_of_gpus()


def _problems_of_gpus() -> Iterator[str]:
    try:
        driver = read_driver()
    except InputError as problem:
        yield str(problem)
        return
    if driver is None or not driver.gpus:
        yield "a job sees no NVIDIA GPU there: choose a partition that has some"
    elif (built := cuda_of_torch()) is not None and (why := driver.problem(built)):
        yield f"NVIDIA driver: {why}"
