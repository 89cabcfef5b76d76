"""Trees of code in a folder of the test."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from support.small_tree import Edit, write_tree

Make = Callable[..., Path]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Makes the tree in a folder of its own, with edits (file, old text, new text) and `files`."""

    def tree(*edits: Edit, files: Mapping[str, str] | None = None) -> Path:
        return write_tree(tmp_path / str(len(list(tmp_path.iterdir()))), files or {}, *edits)

    return tree
