"""What tests of files share."""

from pathlib import Path
from typing import Any

import pytest

from ecslm.common import hashing


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the files that are read to be hashed, in order."""
    names: list[str] = []
    digest = hashing.hashlib.file_digest

    def watched(stream: Any, name: str) -> Any:
        names.append(Path(stream.name).name)
        return digest(stream, name)

    monkeypatch.setattr(hashing.hashlib, "file_digest", watched)
    return names
