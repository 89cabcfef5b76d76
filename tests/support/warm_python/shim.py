"""`python` for processes that the warm Python has started: it hands scripts to it and waits.

Any other command line, and any without a warm Python, starts the real one.
"""

import contextlib
import os
import signal
import sys

import protocol


def main(command: list[str]) -> None:
    """End as the command ends."""
    message = {
        "arguments": command,
        "environment": dict(os.environ),
        "folder": os.getcwd(),  # noqa: PTH109
        "group": os.getpgrp(),
    }
    connection = None
    is_script = command[:1] != [] and not command[0].startswith("-")
    # Snakemake starts Python for scripts of the project, and `accept.py` to trace them.
    traced = command[:1] == ["-c"] and "run_noting" in command[1]
    if is_script or traced or command[:2] == ["-m", "snakemake"]:
        with contextlib.suppress(KeyError, OSError):
            connection = protocol.send(os.environ[protocol.ADDRESS], message, [0, 1, 2])
    if connection is None:
        os.execv(sys.executable, [sys.executable, *command])
    # These reach the command itself, which is in the same process group.
    for stop in (signal.SIGINT, signal.SIGTERM):
        signal.signal(stop, signal.SIG_IGN)
    answers = connection.makefile().read().split()
    # A server that was killed takes its children with it.
    status = int(answers[1]) if len(answers) == 2 else -signal.SIGKILL
    if status < 0:
        if -status != signal.SIGKILL:
            signal.signal(-status, signal.SIG_DFL)
        os.kill(os.getpid(), -status)
    os._exit(status)


main(sys.argv[1:])
