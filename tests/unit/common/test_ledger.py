"""The ledger: what manifests were when they were written."""

import subprocess
from pathlib import Path

import pytest

from ecslm.common.errors import InputError
from ecslm.common.files import read_json, write_json
from ecslm.common.hashing import sha256_of_file
from ecslm.common.ledger import differs_from_record, is_recorded, ledger_record
from ecslm.common.manifests import made_from, read_manifest, verify_result, write_manifest
from ecslm.common.workdir import Outputs, work_folder

RESULT = Path("results/shop/answers/PM.jsonl")
MANIFEST = Path("results/shop/answers/PM.manifest.json")


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def make(content: str = "yes") -> None:
    RESULT.parent.mkdir(parents=True, exist_ok=True)
    RESULT.write_text(content)
    write_manifest(MANIFEST, made_from([], {}, None, {}), [RESULT])


def test_each_manifest_has_a_record_of_its_own_apart_from_the_results() -> None:
    make()
    assert is_recorded(MANIFEST)
    assert not differs_from_record(MANIFEST)
    record = Path("results/made/shop/answers/PM.manifest.json.sha256")
    assert ledger_record(MANIFEST) == record
    assert record.read_text() == f"{sha256_of_file(MANIFEST)}  {MANIFEST}\n"


def test_the_usual_program_verifies_records_too() -> None:
    make()
    command = "find results/made -type f -exec sha256sum --check --quiet {} +"
    assert subprocess.run(command, shell=True, check=False).returncode == 0
    MANIFEST.write_text("{}")
    assert subprocess.run(command, shell=True, check=False).returncode != 0


def test_results_that_are_made_again_replace_the_record() -> None:
    make()
    make("no")
    assert not differs_from_record(MANIFEST)
    verify_result(RESULT)


def test_a_result_that_was_altered_with_its_manifest_is_refused_by_its_readers() -> None:
    make()
    RESULT.write_text("no")
    content = read_json(MANIFEST)
    content["files"][RESULT.name] = sha256_of_file(RESULT)
    write_json(MANIFEST, content)
    with pytest.raises(InputError) as caught:
        verify_result(RESULT)
    (line,) = caught.value.problems
    assert line.startswith(f"{MANIFEST}: altered: its sha256 differs from its record, results/made")


@pytest.mark.parametrize("content", ["", "\n", "no digest"])
def test_a_damaged_record_does_not_vouch_for_anything(content: str) -> None:
    make()
    Path("results/made/shop/answers/PM.manifest.json.sha256").write_text(content)
    assert differs_from_record(MANIFEST)


def test_a_script_that_is_run_alone_with_other_paths_records_nothing(tmp_path: Path) -> None:
    write_manifest(Path("mine/PM.manifest.json"), made_from([], {}, None, {}), [])
    write_manifest(tmp_path.parent / "PM.manifest.json", made_from([], {}, None, {}), [])
    assert not Path("results").exists()
    assert not is_recorded(Path("mine/PM.manifest.json"))
    assert not differs_from_record(Path("mine/PM.manifest.json"))


def test_an_absolute_path_and_a_linked_results_directory_are_the_same_manifest(
    tmp_path: Path,
) -> None:
    (tmp_path / "disk").mkdir()
    Path("results").symlink_to(tmp_path / "disk")
    make()
    assert is_recorded(tmp_path / MANIFEST)
    write_manifest(tmp_path / MANIFEST, made_from([], {"a": 1}, None, {}), [RESULT])
    assert not differs_from_record(MANIFEST)
    assert read_manifest(MANIFEST).settings == {"a": 1}


def test_a_result_that_is_taken_from_the_cache_is_recorded(tmp_path: Path) -> None:
    outputs = Outputs(MANIFEST, {"rows": RESULT})
    origin = made_from([], {}, "code:1", {})
    action = {"step": "answer", "seed": 0}
    with work_folder(outputs, action, origin, tmp_path / "cache") as work:
        (work.folder / "rows").write_text("yes")
        work.publish({"rows": work.folder / "rows"}, {})
    assert is_recorded(MANIFEST)
    ledger = Path("results/made/shop/answers/PM.manifest.json.sha256")
    for path in (RESULT, MANIFEST, ledger):
        path.unlink()
    with work_folder(outputs, action, origin, tmp_path / "cache") as work:
        assert work.restored()
    assert is_recorded(MANIFEST)
    assert not differs_from_record(MANIFEST)
