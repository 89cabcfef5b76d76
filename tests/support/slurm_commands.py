"""Commands of SLURM that are made up: programs on PATH, of a few lines each."""

import os
from pathlib import Path

import pytest

from ecslm.preflight.slurm.commands import COMMANDS

# A node that is this machine: it runs what stands after the options.
NODE = 'while [ "$1" != -- ]; do shift; done; shift'
ONE_NODE = "gpu*|up|infinite|n1|idle|500000|gpu:h100:8(S:0-1)"


class Slurm:
    """SLURM's commands, each of which does nothing until a test says what."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        folder.mkdir()
        for name in COMMANDS:
            self.make(name, ":")
        monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")

    def make(self, name: str, script: str) -> None:
        """Put a command in place, as a script of the shell."""
        program = self.folder / name
        program.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        program.chmod(0o755)

    def prints(self, name: str, text: str) -> None:
        """Have a command print something."""
        self.make(name, f"cat <<'END'\n{text}\nEND")

    def fails(self, name: str, message: str, status: int = 1) -> None:
        """Have a command fail."""
        self.make(name, f"cat >&2 <<'END'\n{message}\nEND\nexit {status}")

    def runs_jobs(self, before: str = "", starts: str = 'exec "$@"') -> None:
        """Have `srun` run jobs on this machine, and note its options in a file `asked`.

        Args:
            before: what happens on the node first; $folder is where both sides meet.
            starts: what starts the job.
        """
        folder = 'for folder; do case "$folder" in results/.check-*) break;; esac; done'
        options = f'printf "%s\\n" "$@" > {self.folder}/asked'
        self.make("srun", "\n".join((options, NODE, folder, before, starts)))

    @property
    def asked(self) -> list[str]:
        """The arguments of the last `srun`, if it notes them."""
        return (self.folder / "asked").read_text(encoding="utf-8").splitlines()
