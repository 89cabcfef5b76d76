"""Manifests beside results, and what reading a result checks."""

from pathlib import Path

import pytest
from pydantic import BaseModel
from support.model_examples import make_record, write_records

from ecslm.common.errors import InputError
from ecslm.common.files import write_json
from ecslm.common.hashing import sha256_of_file
from ecslm.common.manifests import (
    made_from,
    manifest_of,
    read_manifest,
    verify_result,
    write_manifest,
)
from ecslm.schemas.prediction import read_predictions
from ecslm.schemas.record import read_records


class Settings(BaseModel):
    rank: int = 16


def made(folder: Path) -> Path:
    """Records with their manifest."""
    records = write_records(folder / "test.jsonl", 3, split="test")
    origin = made_from([folder / "source"], Settings(), "code:1", {"numpy": "2.0"})
    write_manifest(manifest_of(records), origin, [records])
    return records


@pytest.fixture(autouse=True)
def source(tmp_path: Path) -> None:
    (tmp_path / "source").write_text("rows")


def test_a_manifest_lies_beside_its_result_under_the_same_name() -> None:
    assert manifest_of(Path("tables/ind.tex")) == Path("tables/ind.manifest.json")
    assert manifest_of(Path("AVE.jsonl")) == Path("AVE.manifest.json")


def test_a_manifest_tells_inputs_settings_code_versions_and_results(tmp_path: Path) -> None:
    records = made(tmp_path)
    manifest = read_manifest(manifest_of(records))
    assert manifest.inputs == {str(tmp_path / "source"): sha256_of_file(tmp_path / "source")}
    assert manifest.settings == {"rank": 16}
    assert (manifest.code, manifest.versions) == ("code:1", {"numpy": "2.0"})
    assert manifest.files == {"test.jsonl": sha256_of_file(records)}


def test_a_broken_manifest_is_named_with_its_field(tmp_path: Path) -> None:
    write_json(tmp_path / "m.json", {"inputs": {}, "settings": {}, "code": 1, "versions": {}})
    with pytest.raises(InputError) as caught:
        read_manifest(tmp_path / "m.json")
    assert [problem.partition(": ")[2] for problem in caught.value.problems] == [
        "code: input should be a valid string",
        "files: field required",
    ]


def test_a_result_as_it_was_made_is_read(tmp_path: Path) -> None:
    assert len(read_records(made(tmp_path))) == 3


def test_an_altered_result_is_refused_where_it_is_read(tmp_path: Path) -> None:
    records = made(tmp_path)
    write_records(records, 2, split="test")
    for read in (read_records, read_predictions):
        with pytest.raises(InputError, match=r"test\.jsonl: altered: .*`rm .*`, then run again"):
            read(records)


def test_a_file_without_a_manifest_is_the_users_own(tmp_path: Path) -> None:
    records = write_records(tmp_path / "own.jsonl", 1)
    assert read_records(records) == [make_record(0)]


def test_a_manifest_says_nothing_about_other_files_of_the_same_name(tmp_path: Path) -> None:
    made(tmp_path)
    (tmp_path / "test.json").write_text("{}")
    verify_result(tmp_path / "test.json")
