"""Checks whether a SLURM cluster can run the jobs that the profile sends to it.

SLURM is asked: `sbatch --test-only` whether it would run them, and a short job what others would
meet on a node. The time limits of partitions are read with `sinfo`: unless a cluster sets
EnforcePartLimits, `sbatch --test-only` does not judge them (24.11), and jobs beyond them wait for
ever.
"""

import math
import os
import re
import shlex
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from ecslm.common.errors import InputError
from ecslm.common.locks import held, lock
from ecslm.preflight.findings import (
    Finding,
    PlannedRun,
    cuda_of_torch,
    error,
    ok,
    read_driver,
    warning,
)
from ecslm.preflight.profiles import SLURM

# Seconds to wait for a command; the commands themselves give up on a controller after nine.
SECONDS = 12
# Seconds to wait for a node, minutes that the job there may take, and seconds until it is given up.
SECONDS_TO_START, MINUTES = 30, 1
MOST_SECONDS = SECONDS_TO_START + 60 * MINUTES + 15
LATE = "no answer within"
BUSY = ("Requested nodes are busy", "Immediate execution impossible", LATE)
# What a problem begins with that a script tells.
TOLD = "error: "
RESULTS, SCRIPT = Path("results"), "scripts/check_node.py"
# Options of `sbatch` and `srun` for what the profile says of where jobs run.
OPTIONS = ("slurm_partition", "slurm_account", "qos", "constraint")
# In the folder that both sides should see; held on the other side.
LOCK = "lock"


def check_cluster(run: PlannedRun) -> Iterator[Finding]:
    """Whether SLURM answers and would run the jobs, and a node has what they need.

    Raises:
        InputError: SLURM cannot be asked.
    """
    if run.profile.executor != SLURM:
        return
    if not run.sent_jobs:
        yield ok("no job of the run is sent to it")
    places: dict[str, None] = {}
    for rule in dict.fromkeys(job.rule for job in run.sent_jobs):
        gpus, memory, minutes = _asked(run, rule)
        wanted = _options(run, rule, gpus, f"--time={minutes}", f"--mem={memory}")
        most = time_limit(run.profile.resource(rule, "slurm_partition"))
        try:
            if minutes > most:
                raise InputError(f"jobs of the partition may take {most:.0f} minutes")
            ask_slurm(f"sbatch --test-only --export=ALL {wanted} --wrap=true")
            places[_options(run, rule, min(gpus, 1))] = None
        except InputError as refusal:
            fix = f"by `{rule}:runtime=` or `{rule}:mem_mb=` in `set-resources`"
            yield error(
                f"SLURM would not run a job with {wanted} ({in_line(refusal)}): correct partition, "
                f"account or type of GPU, or request less, for example {fix}",
                f"{run.profile.file}: resources of {rule}",
            )
    for place in places:
        yield from try_node(place, on_gpu=bool(run.gpu_jobs))


def time_limit(partition: str) -> float:
    """The most minutes that a job may take in a partition, in the longest of several or, if none
    is named, in the default one.

    Raises:
        InputError: SLURM cannot be asked.
    """
    named = f" --partition={shlex.quote(partition)}" if partition else ""
    lines = ask_slurm(f"sinfo --noheader --format='%l %P'{named}").splitlines()
    # The default one has a star.
    limits = (minutes_of(line.split()[0]) for line in lines if named or line.endswith("*"))
    return max(limits, default=math.inf)


def minutes_of(limit: str) -> float:
    """The minutes of a time limit such as `1-12:00:00`, `30:00` or `infinite`."""
    parts = [int(part) for part in re.findall(r"\d+", limit)]
    factors = zip(reversed(parts), (1 / 60, 1, 60, 1440), strict=False)
    return sum(part * factor for part, factor in factors) if parts else math.inf


def _options(run: PlannedRun, rule: str, gpus: int, *needs: str) -> str:
    """Where the profile sends jobs of a rule, and what they need, in the executor's order: of an
    option that is there twice SLURM takes the last."""
    asked = {name.removeprefix("slurm_"): run.profile.resource(rule, name) for name in OPTIONS}
    place = [f"--{option}={value}" for option, value in asked.items() if value]
    model = run.profile.resource(rule, "gpu_model")
    of_gpus = f"--gpus={model}:{gpus}" if model else f"--gpus={gpus}"
    extra = run.profile.resource(rule, "slurm_extra")
    return " ".join(filter(None, (shlex.join((*place, *needs)), extra, of_gpus if gpus else "")))


def _asked(run: PlannedRun, rule: str) -> tuple[int, int, int]:
    """The most GPUs, MiB and minutes that a job of SLURM asks for. Jobs of a group are one, so many
    at once as there are GPUs. Expressions of the profile, which are not evaluated, count as 0."""
    jobs = [job for job in run.sent_jobs if job.rule == rule]

    def most(name: str) -> int:
        texts = (run.profile.resource(rule, name, job.resources[name]) for job in jobs)
        return max(int(text) if text.isdecimal() else 0 for text in texts)

    at_once, waves = 1, 1
    if rule in run.profile.grouped:
        together = max(Counter((job.key["model"], job.key["seed"]) for job in jobs).values())
        at_once = min(run.profile.gpus or 1, together)
        waves = math.ceil(together / at_once)
    return at_once * most("gpu"), at_once * most("mem_mb"), waves * most("runtime")


def try_node(options: str, on_gpu: bool) -> Iterator[Finding]:
    """What a job would lack on a node; nothing is left behind.

    Args:
        options: of `srun`, for where it runs, as a shell reads them.
        on_gpu: whether jobs run models on GPUs.
    """
    where = f"a node for {options or 'jobs'}"
    own = f"--quiet --job-name=ecslm-check --export=ALL --input=none --time={MINUTES} --mem=1000"
    own += f" --immediate={SECONDS_TO_START} --ntasks=1 --chdir={shlex.quote(str(Path.cwd()))}"
    RESULTS.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=".check-", dir=RESULTS) as folder:
        script = shlex.join([sys.executable, SCRIPT, "--folder", folder, *["--driver"] * on_gpu])
        try:
            with held(Path(folder, LOCK), folder, wait=False):
                ask_slurm(f"srun {own} {options} -- {script}", MOST_SECONDS)
            yield ok(f"{where} sees the shared folder, and its locks")
        except InputError as failed:
            told = [one.removeprefix(TOLD) for one in failed.problems if one.startswith(TOLD)]
            if any(text in str(failed) for text in BUSY):
                yield warning("none was free in time to be checked: run it again later", where)
            else:
                fix = "put the project with its .venv and its Python where nodes see the same paths"
                told = told or [f"a short job fails there ({in_line(failed)}): {fix}"]
                yield from (error(one, where) for one in told)


def problems_here(folder: Path, on_gpu: bool) -> Iterator[str]:
    """What a job lacks on this machine, a node.

    Args:
        folder: where the other side holds a lock.
        on_gpu: whether jobs run models on GPUs.

    Raises:
        InputError: there is a driver, but it does not answer; or files cannot be locked.
        OSError: files cannot be read or written.
    """
    results = folder.parent.resolve()
    if not (folder / LOCK).is_file():
        fix = "put it where nodes and this machine see the same files, not on a node's own disk"
        yield f"{results} is another folder there than here: {fix}"
    elif (taken := lock(folder / LOCK)) is not None:
        os.close(taken)
        fix = "use one whose locks hold on all nodes: see `Shared file systems` in docs/slurm.md"
        yield f"a lock below {results} that this machine holds could be taken there: {fix}"
    if on_gpu:
        driver = read_driver()
        if driver is None or not driver.gpus:
            yield "a job sees no NVIDIA GPU there: choose a partition that has some"
        elif why := driver.problem(cuda_of_torch()):
            yield f"NVIDIA driver: {why}"


def in_line(problems: InputError) -> str:
    """The last words of a command that has failed."""
    return "; ".join(problems.problems[-2:]) or "no reason given"


def ask_slurm(command: str, seconds: float = SECONDS) -> str:
    """What a command of SLURM prints.

    Raises:
        InputError: it is not here, fails, or the controller does not answer; what it says of that.
    """
    # The profile's options are words for a shell.
    words = ["sh", "-c", f"exec {command}"]
    try:
        run = subprocess.run(
            words, capture_output=True, text=True, timeout=seconds, errors="replace", check=False
        )
    except subprocess.TimeoutExpired:
        raise InputError(f"{LATE} {seconds:g} seconds") from None
    if run.returncode:
        raise InputError(*filter(str.strip, run.stderr.splitlines()))
    return run.stdout
