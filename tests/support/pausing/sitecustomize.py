"""Pauses a process at an exact moment of its work, so that a test can stop it there.

Python imports this module by its name at each start when PYTHONPATH leads to it. PAUSE_AT holds the
moment as JSON: an event of Python's audit hooks with the mode for `open`, a pattern of the path
that is about to be opened, moved to, or removed, and which such event it is, counted from 1. At
that moment the process writes its number into the file `marker` and waits while that exists.
"""

import json
import os
import sys
import time
from fnmatch import fnmatchcase


def pause_at(event: str, pattern: str, number: int, marker: str) -> None:
    """Wait before the `number`th event on a path of the pattern."""
    seen = 0

    def hook(name: str, arguments: tuple[object, ...]) -> None:
        nonlocal seen
        if name == "open":
            name = f"open {arguments[1]}"
        if name != event:
            return
        path = arguments[1 if event == "os.rename" else 0]
        # Others are descriptors.
        if not isinstance(path, str | os.PathLike) or not fnmatchcase(os.fspath(path), pattern):
            return
        seen += 1
        if seen == number:
            with open(marker, "x") as stream:  # noqa: PTH123
                stream.write(str(os.getpid()))
            while os.path.exists(marker):  # noqa: PTH110
                time.sleep(0.01)

    sys.addaudithook(hook)


if "PAUSE_AT" in os.environ:
    pause_at(**json.loads(os.environ["PAUSE_AT"]))
