"""A SLURM cluster of this machine alone, with GPUs that are made up, from Debian's packages.

It needs root, `slurm-wlm` and `munge`, and no systemd. All that it has is in one directory, so that
several run side by side.
"""

import os
import secrets
import shutil
import signal
import socket
import stat
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
from support.interruption import SECONDS_TO_WAIT, wait_until

# The device that reads and writes nothing: SLURM wants its GPUs to be device files.
NULL_DEVICE = os.makedev(1, 3)
PARTITION, URGENT = "debug", "urgent"

# Names in braces are filled in.
CONFIGURATION = Path(__file__).with_name("slurm.conf").read_text(encoding="utf-8")
DEVICES = """\
AutoDetect=off
NodeName={host} Name=gpu Type=fake File={folder}/dev/gpu[0-{last}]
"""


@dataclass(frozen=True)
class Cluster:
    """A running cluster."""

    folder: Path
    host: str

    def jobs(self, *states: str) -> list[str]:
        """The numbers of all jobs in these states; by default of those that have not ended."""
        chosen = ",".join(states) or "PENDING,RUNNING,SUSPENDED,COMPLETING,CONFIGURING"
        return slurm("squeue", "--noheader", "--format=%A", f"--states={chosen}").split()

    def details(self, job: str) -> str:
        """All that SLURM says of a job."""
        return slurm("scontrol", "show", "job", job)

    def preempt(self) -> None:
        """Run a job for which all others of the node have to make room."""
        slurm("srun", f"--partition={URGENT}", "--exclusive", "true")

    def crash_node(self) -> None:
        """A node that loses power: nothing on it gets to say a word; then the cluster notices."""
        daemon = psutil.Process(int((self.folder / "slurmd.pid").read_text()))
        # They run where the logs of their node are.
        steps = [
            one
            for one in psutil.process_iter(["name", "cwd"])
            if one.info["name"] == "slurmstepd" and one.info["cwd"] == str(self.folder)
        ]
        jobs = [child for step in steps for child in step.children(recursive=True)]
        # In this order: a daemon that saw a job end would tell.
        for process in (lost := [daemon, *steps, *jobs]):
            with suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(lost)
        # The state of the steps, which would otherwise be looked for.
        for path in (self.folder / "spool").iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        # By itself it would need minutes.
        slurm("scontrol", "update", f"NodeName={self.host}", "State=DOWN", "Reason=no answer")

    def start_node(self) -> None:
        """Start the node, and wait until it takes jobs."""
        _run("slurmd")
        wait_until(lambda: self.node_state() in ("idle", "mixed", "allocated"), self._log)

    def node_state(self) -> str:
        """The node's state, as in `idle` and `down`."""
        return slurm("sinfo", "--noheader", "--format=%T").strip().rstrip("*")

    def _log(self) -> str:
        return "".join(path.read_text() for path in sorted(self.folder.glob("*.log")))


@contextmanager
def running_cluster(folder: Path, gpus: int) -> Iterator[Cluster]:
    """Start a cluster, and name it to all that this process starts; its jobs and daemons are gone
    at the end.

    Args:
        folder: for its configuration, state and logs.

    Raises:
        RuntimeError: this is not root, a package is missing, or another cluster is named.
    """
    missing = [name for name in ("slurmctld", "slurmd", "munged") if not shutil.which(name)]
    if os.geteuid() or missing:
        raise RuntimeError("needs root, and `apt-get install slurm-wlm munge`")
    if "SLURM_CONF" in os.environ:
        # Jobs would be submitted there, and those of root cancelled.
        raise RuntimeError("SLURM_CONF names another cluster: unset it")
    host = socket.gethostname().partition(".")[0]
    cluster = Cluster(folder, host)
    _write_configuration(folder, host, gpus)
    path = os.environ["PATH"]
    os.environ["SLURM_CONF"] = str(folder / "slurm.conf")
    os.environ["PATH"] = f"{folder / 'bin'}:{path}"
    try:
        _start_munge(folder)
        _run("slurmctld", "-c")
        cluster.start_node()
        yield cluster
    finally:
        with suppress(subprocess.CalledProcessError):
            slurm("scancel", "--user=root")
            wait_until(lambda: not cluster.jobs(), cluster._log)
        for name in ("slurmd", "slurmctld", "munged"):
            _end(folder / f"{name}.pid")
        os.environ["PATH"] = path
        del os.environ["SLURM_CONF"]


def slurm(*command: str) -> str:
    """What one of SLURM's commands prints."""
    run = subprocess.run(command, check=True, capture_output=True, text=True)
    return run.stdout


def _write_configuration(folder: Path, host: str, gpus: int) -> None:
    controller_port, node_port = _free_ports(2)
    texts = {
        "slurm": CONFIGURATION.format(
            folder=folder,
            host=host,
            controller_port=controller_port,
            node_port=node_port,
            gpus=gpus,
            memory=psutil.virtual_memory().total // 2**20,
            partition=PARTITION,
            urgent=URGENT,
        ),
        "gres": DEVICES.format(folder=folder, host=host, last=gpus - 1),
        "cgroup": "CgroupPlugin=disabled\n",
    }
    for name in ("state", "spool", "dev", "bin"):
        (folder / name).mkdir(parents=True)
    for number in range(gpus):
        os.mknod(folder / f"dev/gpu{number}", stat.S_IFCHR | 0o666, NULL_DEVICE)
    for name, text in texts.items():
        (folder / f"{name}.conf").write_text(text, encoding="utf-8")
    # Snakemake's plugin takes SLURM's variables from the `srun` that it calls in a job.
    (srun := folder / "bin/srun").write_text(
        f'#!/bin/sh\nSLURM_CONF={folder}/slurm.conf exec {shutil.which("srun")} "$@"\n'
    )
    srun.chmod(0o755)


def _free_ports(number: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(number)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def _start_munge(folder: Path) -> None:
    """Start the daemon that vouches for users."""
    (key := folder / "munged.key").touch(mode=0o600)
    key.write_bytes(secrets.token_bytes(128))
    files = {"key-file": "key", "pid-file": "pid", "log-file": "log", "seed-file": "seed"}
    options = (f"--{option}={folder}/munged.{end}" for option, end in files.items())
    # It would refuse directories that others may write to, as /tmp.
    _run("munged", "--force", f"--socket={folder}/munged.socket", *options)


def _run(*command: str) -> None:
    """Run a daemon, which goes into the background."""
    none = subprocess.DEVNULL
    subprocess.run(command, check=True, stdin=none, stdout=none, stderr=none)


def _end(pid_file: Path) -> None:
    with suppress(FileNotFoundError, ValueError, psutil.NoSuchProcess):
        daemon = psutil.Process(int(pid_file.read_text()))
        if daemon.name() != pid_file.stem:
            # One that was killed long ago; its number is another's now.
            return
        daemon.send_signal(signal.SIGTERM)
        with suppress(psutil.TimeoutExpired):
            daemon.wait(SECONDS_TO_WAIT)
