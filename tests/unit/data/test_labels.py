"""The file of relevance labels: read, verified, fetched."""

import hashlib
from pathlib import Path

import pytest

from ecslm.common.errors import InputError
from ecslm.data.labels import labels_digest, read_labels
from ecslm.data.settings import Labels, PathData
from ecslm.data.source import content_of

TEXT = '[["E", "S"], ["I"]]'
SHA256 = hashlib.sha256(TEXT.encode()).hexdigest()


@pytest.fixture
def origin(tmp_path: Path) -> Path:
    path = tmp_path / "label.json"
    path.write_text(TEXT)
    return path


def test_the_label_file_is_a_list_of_lists_of_grades(origin: Path) -> None:
    assert read_labels(Labels(path=str(origin))) == [["E", "S"], ["I"]]
    origin.write_text('[["E", "X"], "S"]')
    with pytest.raises(InputError) as caught:
        read_labels(Labels(path=str(origin)))
    first, second = caught.value.problems
    assert first.startswith(f"{origin}: 0.1: should be 'E', 'S', 'C' or 'I'")
    assert second.startswith(f"{origin}: 1: ")


def test_only_a_pinned_digest_tells_files_of_the_same_rows_apart(origin: Path) -> None:
    plain, pinned = (Labels(path=str(origin), sha256=digest) for digest in (None, SHA256))
    data = {"source": "path", "path": "rows.jsonl"}
    sources = [PathData.model_validate(data | {"labels": one}) for one in (None, plain, pinned)]
    assert len({content_of(source, lambda: "rows") for source in sources}) == 3
    before = labels_digest(plain)
    assert labels_digest(pinned) == SHA256
    origin.write_text(TEXT + "\n")
    assert labels_digest(plain) == before
    with pytest.raises(InputError, match=r"its sha256 is not `labels\.sha256`"):
        read_labels(pinned)


def test_the_file_is_fetched_where_it_is_missing_and_kept_if_it_is_the_right_one(
    origin: Path,
) -> None:
    path = origin.parent / "fetched" / "label.json"
    for url, words in (
        (None, "no such file: put the label file there, or set `labels.url`"),
        ("file:///none.json", "cannot be fetched .*: download it and save it as "),
    ):
        with pytest.raises(InputError, match=words):
            read_labels(Labels(path=str(path), url=url))
    url = origin.as_uri()
    labels = Labels(path=str(path), url=url, sha256=SHA256)
    origin.write_text(TEXT + " ")
    with pytest.raises(InputError, match=rf"^{url}: its sha256 is not `labels\.sha256`"):
        read_labels(labels)
    assert not path.exists()
    origin.write_text(TEXT)
    assert labels_digest(labels) == SHA256
    assert read_labels(labels) == [["E", "S"], ["I"]]
    assert path.read_text() == TEXT
