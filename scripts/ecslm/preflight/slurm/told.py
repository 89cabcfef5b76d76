"""The findings of a trial on a node: what it means for a run."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

from ecslm.common.worker.place import DEVICES_VARIABLE
from ecslm.preflight.findings import Finding, error, ok, warning
from ecslm.preflight.planned_run import PlannedRun
from ecslm.preflight.slurm.commands import reason
from ecslm.preflight.slurm.on_node import NodeReport
from ecslm.preflight.slurm.trial import MOST_SECONDS, RESULTS, SCRIPT, SECONDS_TO_START, Trial
from ecslm.preflight.versions import compared, driver_fits

# What `srun` says if all nodes are in use until it gives up.
BUSY = ("Requested nodes are busy", "Immediate execution impossible")
NO_FOLDER = "couldn't chdir to"
NO_PROGRAM = re.compile(r"execve\(\): (.+?): (?:No such file|Not a directory|Permission denied)")
NO_SCRIPT = f"{SCRIPT}': [Errno"
LOCKS = (
    "use a folder whose locks hold on all nodes (NFS 4, or NFS 3 without `nolock` and "
    "`local_lock`; Lustre with `flock`): otherwise two runs could train the same adapter at once"
)


def tell(run: PlannedRun, partition: str, trial: Trial, gpus: int) -> Iterator[Finding]:
    """The findings of a trial in a partition.

    Args:
        gpus: how many the job asked for.
    """
    if not trial.in_time:
        yield warning(
            f"a short job did not end within {MOST_SECONDS} seconds: nodes are not checked",
            f"partition `{partition}`",
            "run it again, or ask the operators",
        )
    elif any(text in trial.printed for text in BUSY):
        yield warning(
            f"no node was free within {SECONDS_TO_START} seconds: nodes are not checked",
            f"partition `{partition}`",
            "run it again later",
        )
    elif trial.report is None:
        yield _failure(partition, trial.printed)
    else:
        found = [*_of_folder(trial, trial.report), *_of_machine(run, trial.report, gpus)]
        yield from found
        if not any(finding.severity == "error" for finding in found):
            yield ok(
                f"node {trial.report.host} of partition `{partition}`: environment, shared folder "
                "and locks are as required"
            )


def _failure(partition: str, printed: str) -> Finding:
    """Why the script did not run."""
    where = f"nodes of partition `{partition}`"
    if NO_FOLDER in printed:
        return error(
            f"they do not see {Path.cwd()}",
            where,
            "put the project into a folder that they share with this machine, by the same path",
        )
    if missing := NO_PROGRAM.search(printed):
        return error(
            f"they have no {missing[1]}",
            where,
            "put the project with its .venv, and the Python that this was made with, into folders "
            "that they share with this machine",
        )
    if NO_SCRIPT in printed:
        return error(
            f"they have no {SCRIPT} in {Path.cwd()}",
            where,
            "put the project into a folder that they share with this machine",
        )
    return error(
        f"a short job fails there: {reason(printed) or 'no reason given'}",
        where,
        "correct it, or the entries of the profile, or ask the operators",
    )


def _of_folder(trial: Trial, report: NodeReport) -> Iterator[Finding]:
    """Whether the results are one folder on both sides, with locks that both sides heed."""
    results = RESULTS.resolve()
    node = f"node {report.host}"
    if report.write_problem:
        yield error(
            f"it cannot write into {results} ({report.write_problem})",
            node,
            "have the folder mounted writable there",
        )
    elif not (trial.received and trial.answered):
        yield error(
            f"{results} is another folder there than here",
            node,
            "put it where nodes and this machine see the same files, not on a node's own disk",
        )
    elif trial.lock_problem:
        yield error(f"no locks there ({trial.lock_problem})", str(results), LOCKS)
    elif report.lock_problem:
        yield error(f"no locks on {node} ({report.lock_problem})", str(results), LOCKS)
    elif report.took_lock:
        yield error(f"{node} could take a lock that this machine holds", str(results), LOCKS)


def _of_machine(run: PlannedRun, report: NodeReport, gpus: int) -> Iterator[Finding]:
    """Whether libraries, variables and GPUs are those that jobs need."""
    node = f"on node {report.host}"
    own = f"give the nodes this environment: {sys.prefix}"
    yield from compared(run, report.other_versions, node, own)
    for name in report.lacking:
        yield error(
            f"the environment variable {name} is set here, but not {node}",
            name,
            "see that the cluster's prologue and its shells keep it, which `--export=ALL` sends",
        )
    if gpus and report.given_devices is None:
        yield warning(
            f"SLURM gave the job a GPU, but does not tell it which: {DEVICES_VARIABLE} is not set "
            f"{node}",
            "gres.conf",
            "ask the operators for `File` or `AutoDetect` there, or jobs may use the same GPU",
        )
    if not run.gpu_jobs:
        return
    if report.driver_problem:
        yield error(f"{report.driver_problem} ({node})", "NVIDIA driver")
    elif report.driver is None or not report.driver.gpus:
        yield error(
            f"cuda, but a job sees no NVIDIA GPU {node}",
            run.device_key,
            "choose a partition whose nodes have some, and see that the profile asks for `gpu`",
        )
    elif report.cuda_of_torch is not None:
        driver = report.driver
        yield driver_fits(report.cuda_of_torch, driver.version, driver.cuda, f" {node}")
