"""Commands of SLURM that are made up: programs on PATH, of a few lines each."""

import os
from pathlib import Path

import pytest

# A node that is this machine: it runs what stands after the options.
NODE = 'while [ "$1" != -- ]; do shift; done; shift'
# Where both sides meet.
FOLDER = 'for folder; do case "$folder" in results/.check-*) break;; esac; done'


class Slurm:
    """SLURM's commands: a cluster of one node that takes all jobs, until a test says otherwise."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        folder.mkdir()
        self.make("sinfo", "echo infinite")
        self.make("sbatch", "")
        self.runs_jobs()
        monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")

    def make(self, name: str, script: str) -> None:
        """Put a command in place, as a script of the shell, which notes its arguments."""
        program = self.folder / name
        noted = f'printf "%s\\n" "$*" >> {self.folder}/{name}.asked'
        program.write_text(f"#!/bin/sh\n{noted}\n{script}\n", encoding="utf-8")
        program.chmod(0o755)

    def fails(self, name: str, message: str) -> None:
        """Have a command fail."""
        self.make(name, f"cat >&2 <<'END'\n{message}\nEND\nexit 1")

    def runs_jobs(self, before: str = "", starts: str = 'exec "$@"') -> None:
        """Have `srun` run jobs on this machine.

        Args:
            before: what happens on the node first; $folder is where both sides meet.
            starts: what starts the job.
        """
        self.make("srun", "\n".join((NODE, FOLDER, before, starts)))

    def asked(self, name: str) -> list[str]:
        """The arguments of a command, each time that it was asked."""
        noted = self.folder / f"{name}.asked"
        return noted.read_text(encoding="utf-8").splitlines() if noted.exists() else []
