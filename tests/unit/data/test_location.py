"""Where files are: what is neither compared nor recorded, and comes to scripts beside it."""

from typing import Any

import pytest
from pydantic import TypeAdapter

from ecslm.common.errors import InputError
from ecslm.common.hashing import canonical_json
from ecslm.data.location import json_object, located, location
from ecslm.data.settings import DatasetSettings, DataSource

LABELS = {"path": "x/label.json", "url": "https://example.org/x", "sha256": "0" * 64}
SOURCES: list[dict[str, Any]] = [
    {"source": "path", "path": "x/rows.jsonl"},
    {"source": "path", "path": "x/rows.jsonl", "labels": LABELS, "tolerate": ["bad_input"]},
    {"source": "path", "path": "x/rows.jsonl", "labels": {"path": "x/label.json"}},
    {"source": "hub", "id": "a/b", "revision": "main", "labels": LABELS},
    {"source": "hub", "id": "a/b", "revision": "main"},
]


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
    whole: DataSource = TypeAdapter(DataSource).validate_python(SOURCES[1])
    settings = settings_of(SOURCES[0])
    assert read(settings, location(whole)).source.labels is None


def test_by_hand_the_settings_may_say_it_all() -> None:
    given = settings_of(SOURCES[0])
    given["source"]["path"] = "y/rows.jsonl"
    assert read(given, None).source.path == "y/rows.jsonl"


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
