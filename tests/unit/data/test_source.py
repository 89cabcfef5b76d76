"""A data source: the files of this machine or of the hub, and where they are."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from support.raw_rows import ROWS, lines, write

from ecslm.common.errors import InputError
from ecslm.data.settings import DatasetSettings, HubData, PathData
from ecslm.data.source import PlannedSource, is_indexed, location, open_rows

COMMIT = "0123456789" * 4
Open = Callable[[str, str], tuple[int, int]]


@pytest.fixture
def opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Open:
    """Opens a data set whose files are in `hub`; gives the numbers of rows and of fetches."""
    (tmp_path / "hub/data").mkdir(parents=True)
    write(tmp_path / "hub", lines(ROWS), "data/train.jsonl")
    fetches: list[str] = []

    def builder(name: str, revision: str) -> SimpleNamespace:
        fetches.append(name)
        files = sorted((tmp_path / "hub").rglob("*.*"))
        origins = [f"hf://datasets/{name}@{revision}/{file.name}" for file in files]
        return SimpleNamespace(config=SimpleNamespace(data_files={"train": origins}))

    def download(_self: object, origins: list[str]) -> list[str]:
        names = [origin.rpartition("/")[2] for origin in origins]
        return [str(path) for name in names for path in (tmp_path / "hub").rglob(name)]

    monkeypatch.setattr("datasets.load_dataset_builder", builder)
    monkeypatch.setattr("datasets.DownloadManager.download", download)

    def open_(name: str, revision: str) -> tuple[int, int]:
        source = HubData(source="hub", id=name, revision=revision)
        rows = open_rows(source, tmp_path / "cache")
        assert list(rows.files) == [f"hf://datasets/{name}@{revision}/train.jsonl"]
        return sum(1 for _ in rows.rows(rows.parts)), len(fetches)

    return open_


def test_rows_of_the_hub_that_do_not_say_their_split_are_no_test_rows(tmp_path: Path) -> None:
    bare = [{key: value for key, value in one.items() if key != "split"} for one in ROWS]
    (tmp_path / "hub").mkdir()
    write(tmp_path / "hub", lines(bare), "train.jsonl")
    source = HubData(source="hub", id=str(tmp_path / "hub"), revision=COMMIT)
    rows = open_rows(source, tmp_path / "cache")
    assert not rows.parts and rows.misplaced.total() == len(bare)


def test_a_file_of_the_hub_in_another_form_is_never_left_out(opened: Open, tmp_path: Path) -> None:
    write(tmp_path / "hub", "task,split", "more.csv")
    with pytest.raises(InputError, match=r"more\.csv: not one of \.json"):
        opened("a/b", COMMIT)


def test_a_data_set_that_cannot_be_had_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lost(*_: object, **__: object) -> str:
        raise OSError("no\nnetwork")

    monkeypatch.setattr("datasets.load_dataset_builder", lost)
    source = HubData(source="hub", id="a/b", revision="main")
    with pytest.raises(InputError) as caught:
        open_rows(source, tmp_path)
    words = "cannot be loaded (no network): check the network, the id and the revision"
    assert caught.value.problems == (f"data: a/b at main: {words}",)


def test_a_revision_is_fetched_once_as_is_known_before(opened: Open, tmp_path: Path) -> None:
    def known(name: str, revision: str) -> bool:
        return is_indexed(HubData(source="hub", id=name, revision=revision), tmp_path / "cache")

    for number, (name, revision) in enumerate(
        [("a/b", COMMIT), ("a/b", "v1"), ("a/b", COMMIT[::-1]), ("a/other", COMMIT)], start=1
    ):
        assert not known(name, revision)
        assert [opened(name, revision) for _ in range(2)] == [(6, number)] * 2
        assert known(name, revision)
    assert known(str(tmp_path / "hub"), COMMIT)


def test_settings_and_location_together_are_the_source() -> None:
    source: dict[str, Any] = {"source": "path", "path": "x/rows.jsonl", "tolerate": ["bad_input"]}
    given = {"source": source, "aliases": ["A"], "answer": "yes_no", "settings": []}
    settings = DatasetSettings.model_validate(given).model_dump_json()
    assert "x/" not in settings
    found = PlannedSource(settings, location="x/rows.jsonl").read(DatasetSettings).source
    assert location(found) == "x/rows.jsonl"
    assert found == PathData.model_validate(source)
    with pytest.raises(InputError, match=r"--settings: source.path.path: missing"):
        PlannedSource(settings).read(DatasetSettings)
