"""Scripts that run in this process: what one of their own would do, without the start of Python."""

import io
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from support.model_examples import run_here


def run_script(
    script: str, *arguments: object, folder: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a script to its end; stdout and stderr come as text.

    Args:
        folder: its working folder; that of the tests if it is left out.
    """
    streams = {name: io.TextIOWrapper(io.BytesIO(), "utf-8") for name in ("stdout", "stderr")}
    on_termination = signal.getsignal(signal.SIGTERM)
    with pytest.MonkeyPatch.context() as patch:
        for name, stream in streams.items():
            patch.setattr(sys, name, stream)
            # Where the width of the terminal is asked for.
            patch.setattr(sys, f"__{name}__", stream)
        if folder is not None:
            patch.chdir(folder)
        try:
            status = run_here(patch, script, arguments)
        finally:
            signal.signal(signal.SIGTERM, on_termination)
    printed = []
    for stream in streams.values():
        stream.flush()
        printed.append(stream.buffer.getvalue().decode())
    if isinstance(status, str):
        printed[1] += f"{status}\n"
        status = 1
    return subprocess.CompletedProcess([script, *map(str, arguments)], status or 0, *printed)
