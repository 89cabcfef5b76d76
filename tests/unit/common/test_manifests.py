"""Manifests beside results, and what reading a result checks."""

from pathlib import Path

import pytest

from ecslm.common.errors import InputError
from ecslm.common.hashing import file_state, known_digests, sha256_of_file
from ecslm.common.manifests import (
    ALTERED,
    made_from,
    manifest_of,
    read_manifest,
    read_result,
    require_unchanged,
    write_manifest,
)


def made(result: Path) -> Path:
    """A result of a source, with its manifest."""
    source = result.with_name("source")
    source.write_text("rows")
    result.write_text('{"a": 1}')
    origin = made_from([source], {"rank": 16}, "code:1", {"numpy": "2.0"})
    write_manifest(manifest_of(result), origin, [result])
    return result


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
    (unlisted,) = made.damage(manifest, ["sound", "unlisted"])
    assert (unlisted.path, unlisted.kind) == (tmp_path / "unlisted", ALTERED)


def test_an_input_that_changes_while_it_is_read_is_refused(tmp_path: Path) -> None:
    """Else the manifest would name other bytes than those that were read."""
    source = tmp_path / "source"
    source.write_text("rows")
    origin = made_from([source], {}, None, {})
    require_unchanged(origin)
    source.write_text("news")
    with pytest.raises(InputError, match=r"source: changed while it was being read"):
        write_manifest(tmp_path / "m.json", origin, [])
    assert not (tmp_path / "m.json").exists()


def test_a_manifest_tells_what_a_result_was_made_from_and_an_altered_one_is_refused(
    tmp_path: Path,
) -> None:
    result = made(tmp_path / "a.json")
    manifest = read_manifest(manifest_of(result))
    assert manifest.inputs == {str(tmp_path / "source"): sha256_of_file(tmp_path / "source")}
    assert (manifest.settings, manifest.code) == ({"rank": 16}, "code:1")
    assert manifest.versions == {"numpy": "2.0"}
    assert manifest.files == {"a.json": sha256_of_file(result)}
    assert read_result(result, dict[str, int]) == {"a": 1}
    result.write_text('{"a": 2}')
    with pytest.raises(InputError, match=r"a\.json: altered: .*`rm .*`, then run again"):
        read_result(result, dict[str, int])


def test_a_wrong_digest_that_is_remembered_blames_no_sound_file(tmp_path: Path) -> None:
    result = made(tmp_path / "a.json")
    known_digests[str(result)] = file_state(result), "0" * 64
    assert list(read_manifest(manifest_of(result)).damage(manifest_of(result))) == []
