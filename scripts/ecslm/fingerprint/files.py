"""The Python files below a folder, read at one moment."""

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

# Contents by paths below the folder, with `/` between their parts.
Files = Mapping[str, bytes]


def python_files(root: Path) -> Files:
    """Read all Python files below a folder."""
    found = {}
    for folder, _, names in os.walk(root):
        for name in names:
            if name.endswith(".py"):
                path = Path(folder, name)
                # Not an editor's lock file, which is a link to nothing.
                with suppress(OSError):
                    found[path.relative_to(root).as_posix()] = path.read_bytes()
    return found
