"""A data source: the files of this machine or of the hub, and where they are."""

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import TypeAdapter
from support.raw_rows import ROWS, lines, write

from ecslm.common.errors import InputError
from ecslm.common.hashing import canonical_json
from ecslm.data.settings import DatasetSettings, DataSource, HubData
from ecslm.data.source import is_indexed, json_object, located, location, open_rows

COMMIT = "0123456789" * 4
LABELS = {"path": "x/label.json", "url": "https://example.org/x", "sha256": "0" * 64}
SOURCES: list[dict[str, Any]] = [
    {"source": "path", "path": "x/rows.jsonl"},
    {"source": "path", "path": "x/rows.jsonl", "labels": LABELS, "tolerate": ["bad_input"]},
    {"source": "hub", "id": "a/b", "revision": "main", "labels": {"path": "x/label.json"}},
    {"source": "hub", "id": "a/b", "revision": "main"},
]
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
        # Jobs know content of the hub by its revision, which a tag does not pin.
        is_current = None if Path(name).is_dir() else lambda _: True
        rows = open_rows(source, tmp_path / "cache", is_current)
        remote = f"hf://datasets/{name}@{revision}/train.jsonl"
        assert list(rows.files) == ["hub/data/train.jsonl" if Path(name).is_dir() else remote]
        return sum(1 for _ in rows.rows(rows.parts)), len(fetches)

    return open_


def test_a_local_directory_is_read_again_when_its_files_have_changed(
    opened: Open, tmp_path: Path
) -> None:
    name = str(tmp_path / "hub")
    assert opened(name, COMMIT) == (6, 0)
    write(tmp_path / "hub", lines(ROWS[:4]), "data/train.jsonl")
    assert opened(name, COMMIT) == (4, 0)


def test_rows_of_the_hub_that_do_not_say_their_split_are_no_test_rows(tmp_path: Path) -> None:
    bare = [{key: value for key, value in one.items() if key != "split"} for one in ROWS]
    (tmp_path / "hub").mkdir()
    write(tmp_path / "hub", lines(bare), "train.jsonl")
    source = HubData(source="hub", id=str(tmp_path / "hub"), revision=COMMIT)
    rows = open_rows(source, tmp_path / "cache")
    assert not rows.parts and rows.problems().total() == len(bare)


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


def test_a_commit_is_fetched_once_and_a_tag_each_time_as_is_known_before(
    opened: Open, tmp_path: Path
) -> None:
    def known(name: str, revision: str) -> bool:
        return is_indexed(HubData(source="hub", id=name, revision=revision), tmp_path / "cache")

    fetched = []
    for revision in (COMMIT, "v1", COMMIT[::-1]):
        assert not known("a/b", revision)
        fetched += [opened("a/b", revision) for _ in range(2)]
        assert known("a/b", revision) == (revision != "v1")
    assert fetched == [(6, number) for number in (1, 1, 2, 3, 4, 4)]
    assert opened("a/other", COMMIT) == (6, 5)
    assert known(str(tmp_path / "hub"), COMMIT)


def settings_of(source: dict[str, Any]) -> dict[str, Any]:
    """Dataset settings as jobs get them."""
    given = {"source": source, "aliases": ["A"], "answer": "yes_no", "settings": []}
    return DatasetSettings.model_validate(given).model_dump(mode="json")


def read(settings: dict[str, Any], where: str | None) -> DatasetSettings:
    return located(settings, None if where is None else json_object(where), DatasetSettings)


@pytest.mark.parametrize("source", SOURCES)
def test_settings_and_location_together_are_the_source(source: dict[str, Any]) -> None:
    whole: DataSource = TypeAdapter(DataSource).validate_python(source)
    settings = settings_of(source)
    assert "x/" not in canonical_json(settings)
    found = read(settings, location(whole)).source
    assert found == whole
    # The dump leaves out where files are, so equality alone would not show it.
    assert location(found) == location(whole)


def test_labels_that_a_job_does_not_take_stay_away() -> None:
    where = json.dumps({"path": "x/rows.jsonl", "labels": {"path": "x/label.json"}})
    assert read(settings_of(SOURCES[0]), where).source.labels is None


@pytest.mark.parametrize(
    ("where", "problem"),
    [
        (None, "--settings: source.path.path: missing"),
        ('{"paht": "x"}', "--settings: source.path.paht: unknown key"),
    ],
)
def test_a_missing_or_misspelt_place_is_one_line(where: str | None, problem: str) -> None:
    with pytest.raises(InputError) as caught:
        read(settings_of(SOURCES[0]), where)
    assert problem in caught.value.problems
