"""Manifests beside results, and what reading a result checks."""

from pathlib import Path

import pytest
from pydantic import BaseModel
from support.model_examples import write_records

from ecslm.common.errors import InputError
from ecslm.common.files import read_json, write_json
from ecslm.common.hashing import file_state, known_digests, sha256_of_file
from ecslm.common.manifests import (
    Damage,
    Manifest,
    made_from,
    manifest_of,
    read_manifest,
    require_unchanged,
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


def test_a_manifest_tells_inputs_settings_code_versions_and_results(tmp_path: Path) -> None:
    records = made(tmp_path)
    manifest = read_manifest(manifest_of(records))
    assert manifest.inputs == {str(tmp_path / "source"): sha256_of_file(tmp_path / "source")}
    assert manifest.settings == {"rank": 16}
    assert (manifest.code, manifest.versions) == ("code:1", {"numpy": "2.0"})
    assert manifest.files == {"test.jsonl": sha256_of_file(records)}


def test_sound_altered_missing_and_unlisted_files_are_told_apart(tmp_path: Path) -> None:
    files = [tmp_path / name for name in ("sound", "altered", "missing")]
    for path in files:
        path.write_text(path.name)
    manifest = tmp_path / "manifest.json"
    write_manifest(manifest, made_from([], {}, None, {}), files)
    read_manifest(manifest).verify(manifest, "train again")
    (tmp_path / "altered").write_text("altereD")
    (tmp_path / "missing").unlink()
    (tmp_path / "unlisted").touch()
    made = read_manifest(manifest)
    with pytest.raises(InputError) as caught:
        made.verify(manifest, "train again")
    assert caught.value.problems == (
        f"{tmp_path / 'altered'}: altered: its sha256 differs from its manifest; train again",
        f"{tmp_path / 'missing'}: no such file, but its manifest lists it; train again",
    )
    made.verify(manifest, "train again", ["sound"])
    assert list(made.damage(manifest, ["sound", "unlisted"])) == [
        Damage(tmp_path / "unlisted", missing=False)
    ]


@pytest.mark.parametrize("folder", ["weights", "."])
def test_a_manifest_knows_where_its_files_lie(tmp_path: Path, folder: str) -> None:
    (tmp_path / folder).mkdir(exist_ok=True)
    (tmp_path / folder / "model").write_text("1")
    origin = made_from([], {}, None, {}) | {"folder": folder}
    files = {"model": sha256_of_file(tmp_path / folder / "model")}
    path = tmp_path / "manifest.json"
    write_json(path, Manifest(files=files, **origin).model_dump(mode="json"))
    assert ("folder" in read_json(path)) == (folder != ".")
    manifest = read_manifest(path)
    assert manifest.location(path) == tmp_path / folder
    assert list(manifest.damage(path)) == []


def test_an_input_that_changes_while_it_is_read_is_refused(tmp_path: Path) -> None:
    """Else the manifest would name other bytes than those that were read."""
    origin = made_from([tmp_path / "source"], {}, None, {})
    require_unchanged(origin)
    (tmp_path / "source").write_text("news")
    for refused in (
        lambda: require_unchanged(origin),
        lambda: write_manifest(tmp_path / "m.json", origin, []),
    ):
        with pytest.raises(InputError, match=r"source: changed while it was being read"):
            refused()
    assert not (tmp_path / "m.json").exists()


def test_an_altered_result_is_refused_where_it_is_read(tmp_path: Path) -> None:
    records = made(tmp_path)
    write_records(records, 2, split="test")
    for read in (read_records, read_predictions):
        with pytest.raises(InputError, match=r"test\.jsonl: altered: .*`rm .*`, then run again"):
            read(records)


def test_a_wrong_digest_that_is_remembered_blames_no_sound_file(tmp_path: Path) -> None:
    result = tmp_path / "a.json"
    result.write_text("{}")
    write_manifest(manifest_of(result), made_from([], {}, None, {}), [result])
    known_digests[str(result)] = file_state(result), "0" * 64
    assert list(read_manifest(manifest_of(result)).damage(manifest_of(result))) == []
    assert str(result) not in known_digests or known_digests[str(result)][1] != "0" * 64
