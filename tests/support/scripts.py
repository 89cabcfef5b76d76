"""Scripts that run in this process: what one of their own would do, without the start of Python."""

import argparse
import io
import runpy
import signal
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from support.model_examples import run_here
from support.project import SCRIPTS

from ecslm import script as ritual


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


@cache
def function_of(script: str) -> Callable[..., Any]:
    """The function of a script, which is not run."""
    found: list[Callable[..., Any]] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ritual, "run_script", found.append)
        runpy.run_path(str(SCRIPTS / script), run_name="__main__")
    return found[0]


def parser_of(script: str) -> argparse.ArgumentParser:
    """The options of a script."""
    text = runpy.run_path(str(SCRIPTS / script))["__doc__"]
    return ritual.command_line(function_of(script), text)
