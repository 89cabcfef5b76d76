"""The file of relevance labels: read, verified, fetched; the script that fetches it."""

import hashlib
import json
from pathlib import Path

import pytest
from support.project import ROOT
from support.scripts import run_script

from ecslm.common.errors import InputError
from ecslm.data.settings import Labels
from ecslm.data.sources.labels import read_labels


def label_file(folder: Path, text: str) -> Labels:
    path = folder / "label.json"
    path.write_text(text)
    return Labels(path=str(path))


def test_the_label_file_is_a_list_of_lists(tmp_path: Path) -> None:
    assert read_labels(label_file(tmp_path, '[["E", "S"], ["I"]]')).rows == [["E", "S"], ["I"]]


def test_labels_that_are_no_grades_are_named(tmp_path: Path) -> None:
    labels = label_file(tmp_path, '[["E", "X"], "S"]')
    with pytest.raises(InputError) as caught:
        read_labels(labels)
    assert caught.value.problems == (
        f"{labels.path}: row 1: label 2 is not E, S, C or I",
        f"{labels.path}: row 2: is not a list of labels",
    )


def test_a_label_file_is_verified_and_must_exist(tmp_path: Path) -> None:
    labels = label_file(tmp_path, "[]").model_copy(update={"sha256": "0" * 64})
    with pytest.raises(InputError, match=r"its sha256 is not `labels\.sha256`"):
        read_labels(labels)
    with pytest.raises(InputError, match=r"none\.json: no such file: put the label file there"):
        read_labels(Labels(path=str(tmp_path / "none.json")))


def test_a_missing_label_file_is_fetched_once(tmp_path: Path) -> None:
    origin = label_file(tmp_path, '[["E", "S"]]')
    path = tmp_path / "fetched" / "label.json"
    labels = Labels(path=str(path), url=Path(origin.path).as_uri())
    assert read_labels(labels).rows == [["E", "S"]]
    Path(origin.path).unlink()
    assert read_labels(labels).rows == [["E", "S"]]
    path.unlink()
    with pytest.raises(
        InputError, match=f"cannot be fetched .*: download it and save it as {path}"
    ):
        read_labels(labels)


def test_what_is_not_the_pinned_label_file_is_not_kept(tmp_path: Path) -> None:
    origin = label_file(tmp_path, '[["E", "S"]]')
    path = tmp_path / "fetched" / "label.json"
    labels = Labels(path=str(path), url=Path(origin.path).as_uri(), sha256="0" * 64)
    with pytest.raises(InputError, match=r"its sha256 is [0-9a-f]{64}, `labels\.sha256` is 0+"):
        read_labels(labels)
    assert not path.exists()


def fetch(*options: str) -> tuple[int, str, str]:
    """Status and words of the script."""
    done = run_script("fetch_labels.py", *options, folder=ROOT)
    return done.returncode, done.stdout, done.stderr


def test_the_script_fetches_the_labels_of_a_study_or_says_where_to_put_them(tmp_path: Path) -> None:
    text = '[["E", "S"]]'
    origin = label_file(tmp_path, text)
    path = tmp_path / "fetched" / "label.json"
    labels = {"path": str(path), "url": Path(origin.path).as_uri()}
    labels["sha256"] = hashlib.sha256(text.encode()).hexdigest()
    study = tmp_path / "mine.yaml"
    study.write_text(json.dumps({"studies": {"paper": {"data": {"labels": labels}}}}))
    options = ("--configfile", str(study), "--study", "paper")
    assert fetch(*options) == (0, f"{path}: fetched\n", "")
    assert fetch(*options) == (0, f"{path}: already present\n", "")
    path.unlink()
    Path(origin.path).unlink()
    status, _, words = fetch(*options)
    assert (status, words.count("\n")) == (1, 1)
    assert words.endswith(f": download it and save it as {path}\n")


def test_a_study_without_a_label_file_has_none_to_fetch() -> None:
    status, _, words = fetch("--study", "demo")
    assert (status, words.count("\n")) == (1, 1)
    assert "has no `labels`" in words
