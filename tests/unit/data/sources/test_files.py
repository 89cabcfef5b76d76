"""The files that rows are in: which count, and those that may not be read."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ecslm.common.errors import InputError
from ecslm.data.sources.files import data_files

NOBODY = 65534


@pytest.fixture(autouse=True)
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two folders with files, in the working folder, which all may enter."""
    for name in ("data/deep/b.jsonl", "data/a.json", "data/.hidden/c.jsonl", "data/notes.txt"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("{}\n", encoding="utf-8")
    tmp_path.chmod(0o755)
    monkeypatch.chdir(tmp_path)


@contextmanager
def not_allowed(path: Path) -> Iterator[None]:
    """In this block nobody may read a file or folder, not even root, who may all things."""
    root, mode = os.geteuid() == 0, path.stat().st_mode
    path.chmod(0)
    try:
        if root:
            os.seteuid(NOBODY)
        yield
    finally:
        if root:
            os.seteuid(0)
        path.chmod(mode)


def test_a_folder_has_the_files_below_it_but_for_hidden_and_other_ones() -> None:
    assert data_files(Path("data")) == [Path("data/a.json"), Path("data/deep/b.jsonl")]


@pytest.mark.parametrize("part", ["data", "data/deep", "data/deep/b.jsonl", "data/a.json"])
def test_what_may_not_be_read_is_named_and_never_left_out(part: str) -> None:
    with not_allowed(Path(part)), pytest.raises(InputError) as caught:
        data_files(Path("data"))
    assert caught.value.problems == (
        f"{part}: cannot be read (Permission denied): fix its permissions, or `data`",
    )


def test_a_file_alone_that_may_not_be_read_is_named() -> None:
    with (
        not_allowed(Path("data/a.json")),
        pytest.raises(InputError, match=r"^data/a\.json: cannot be read \(Permission denied\)"),
    ):
        data_files(Path("data/a.json"))
