"""Rows of the hub, which `datasets` fetches once for each commit, or each state of a directory."""

from collections.abc import Callable
from pathlib import Path

import pytest
from support.raw_rows import ROWS, lines, write

from ecslm.data.settings import HubData
from ecslm.data.sources import hub
from ecslm.data.sources.files import DataFile
from ecslm.data.sources.index import IndexedRows

COMMIT = "0123456789" * 4


@pytest.fixture
def opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[int, int]]:
    """Opens a data set whose files are in `hub`; gives the numbers of rows and of fetches."""
    (tmp_path / "hub").mkdir()
    path = write(tmp_path / "hub", lines(ROWS), "train.jsonl")
    fetches: list[str] = []

    def fetched(source: HubData, local: Path | None) -> list[DataFile]:
        fetches.append(source.revision)
        return [DataFile(name="hub/train.jsonl" if local else "hf://train.jsonl", path=path)]

    monkeypatch.setattr(hub, "_fetched", fetched)

    def open_(name: str, revision: str) -> tuple[int, int]:
        source = HubData(source="hub", id=name, revision=revision)
        rows: IndexedRows = hub.open_rows(source, tmp_path / "cache")
        return sum(1 for _ in rows.rows(rows.parts())), len(fetches)

    return open_


Open = Callable[[str, str], tuple[int, int]]


def test_a_commit_is_fetched_once(opened: Open) -> None:
    assert [opened("a/b", COMMIT) for _ in range(2)] == [(6, 1), (6, 1)]
    assert opened("a/other", COMMIT) == (6, 2)
    assert opened("a/b", COMMIT[::-1]) == (6, 3)


def test_a_tag_is_looked_up_each_time_since_it_may_move(opened: Open) -> None:
    assert [opened("a/b", "v1") for _ in range(2)] == [(6, 1), (6, 2)]


def test_a_local_directory_is_split_again_when_its_files_have_changed(
    opened: Open, tmp_path: Path
) -> None:
    name = str(tmp_path / "hub")
    assert [opened(name, COMMIT) for _ in range(2)] == [(6, 1), (6, 1)]
    write(tmp_path / "hub", lines(ROWS[:4]), "train.jsonl")
    assert [opened(name, COMMIT) for _ in range(2)] == [(4, 2), (4, 2)]


def test_whether_the_hub_is_asked_is_known_before(opened: Open, tmp_path: Path) -> None:
    def is_indexed(name: str, revision: str) -> bool:
        source = HubData(source="hub", id=name, revision=revision)
        return hub.is_indexed(source, tmp_path / "cache")

    for revision in (COMMIT, "v1"):
        assert not is_indexed("a/b", revision)
        opened("a/b", revision)
    assert is_indexed("a/b", COMMIT)
    assert not is_indexed("a/b", "v1")
    assert not is_indexed("a/b", COMMIT[::-1])
    assert is_indexed(str(tmp_path / "hub"), COMMIT)
