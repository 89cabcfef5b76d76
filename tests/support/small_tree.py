"""A small tree of scripts and modules, to edit and to digest."""

from collections.abc import Mapping
from pathlib import Path

from ecslm.fingerprint.digest import code_digest

TREE = {
    "job.py": '''"""What the job does."""

import argparse

from ecslm.work import run


def main() -> None:
    """Parse and run."""
    print(run(2))


main()
''',
    "other.py": 'from ecslm.shapes import circle\n\nprint(circle.area(2), "r")\n',
    "ecslm/__init__.py": '"""The library."""\n',
    "ecslm/work.py": '''"""Work."""

import logging

from ecslm.shapes import circle

log = logging.getLogger(__name__)


def run(size: int) -> float:
    """One piece of work."""
    log.info("size %d", size)
    for step in range(size):
        size += step
    return circle.area(size)
''',
    "ecslm/shapes/__init__.py": '"""Shapes."""\n',
    "ecslm/shapes/circle.py": '''"""Circles."""


def area(r: float) -> float:
    return 3.14 * r
''',
    "ecslm/shapes/square.py": '''"""Squares."""


def area(r: float) -> float:
    return r * r
''',
    "ecslm/unused.py": "X = 1\n",
}

WORK = "ecslm/work.py"
CIRCLE = "ecslm/shapes/circle.py"
SQUARE = "ecslm/shapes/square.py"

Edit = tuple[str, str, str]


def write_tree(root: Path, files: Mapping[str, str], *edits: Edit) -> Path:
    """Write the tree with other or more files, and with edits (file, old text, new text)."""
    contents = {**TREE, **files}
    for name, old, new in edits:
        assert contents[name].count(old) == 1, f"{name}: {old!r}"
        contents[name] = contents[name].replace(old, new)
    for name, text in contents.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return root


def digest(root: Path, script: str = "job.py", *modules: str) -> str:
    """The digest of a script of a tree, with the modules that it loads by name."""
    return code_digest(script, modules, root)
