"""Catches what processes write to stderr while a display owns the terminal."""

import os
import tempfile
from typing import TextIO

STDERR = 2


class CaughtStderr:
    """Sends stderr, of this process and of those that it starts, to a file until it is closed.

    A file and no pipe: a process that outlives this one can still write to it.
    """

    def __init__(self, terminal: TextIO) -> None:
        """
        Args:
            terminal: stderr, or another stream; it stays usable as the attribute of this name.
        """
        self._file = tempfile.TemporaryFile()  # noqa: SIM115
        self._read = 0
        terminal.flush()
        copy = os.dup(terminal.fileno())
        self.terminal: TextIO = os.fdopen(copy, "w", encoding="utf-8", errors="replace")
        self._before = os.dup(STDERR)
        os.dup2(self._file.fileno(), STDERR)

    def lines(self) -> list[str]:
        """The whole lines that have come since the last call."""
        return self._lines(self._new().rpartition(b"\n")[:2])

    def close(self) -> list[str]:
        """Give stderr back; returns the lines that have come since the last call."""
        os.dup2(self._before, STDERR)
        os.close(self._before)
        lines = self._lines((self._new(),))
        self._file.close()
        self.terminal.close()
        return lines

    def _new(self) -> bytes:
        # Not with `seek`: processes that write share the position in the file.
        size = os.fstat(self._file.fileno()).st_size
        return os.pread(self._file.fileno(), size - self._read, self._read)

    def _lines(self, parts: tuple[bytes, ...]) -> list[str]:
        content = b"".join(parts)
        self._read += len(content)
        lines = content.decode("utf-8", errors="replace").split("\n")
        # Of a line that was written over, what was there last.
        shown = (line.rstrip("\r").rpartition("\r")[2].rstrip() for line in lines)
        return [line for line in shown if line]
