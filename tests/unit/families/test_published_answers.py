"""Answers that others have published: taken from the archive of the pinned commit, or refused."""

import io
import json
import tarfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from support.model_examples import read_lines, run_here

from ecslm.common.errors import InputError
from ecslm.common.manifests import read_manifest
from ecslm.families.recorded.published_answers import FetchSettings, fetch_answers

COMMIT = "c0ffee00" * 5
IND, OOD = "IND_Diverse_Instruction", "OOD_Diverse_Instruction"
FILES: dict[str, Any] = {
    f"small/Product_Matching/{IND}.json": ["yes", "no"],
    f"small/SA/{IND}.json": ["A: good\n", "B"],
    f"small/SA/{OOD}.json": ["ü"],
    f"small/SA/other_{OOD}.json": ["another file"],
}
WANTED = [
    {"model": "small", "task": "PM", "names": ["PM", "Product_Matching"], "settings": [IND]},
    {"model": "small", "task": "SA", "names": ["SA", "Sentiment"], "settings": [IND, OOD]},
]


def archive(
    folder: Path,
    files: dict[str, Any],
    commit: str | None = COMMIT,
    hostile: Sequence[tuple[bytes, str]] = (),
) -> Path:
    """An archive as a server makes it with `git archive`."""
    path = folder / "answers.tar.gz"
    headers = {} if commit is None else {"comment": commit}
    with tarfile.open(path, "w:gz", format=tarfile.PAX_FORMAT, pax_headers=headers) as writer:
        for name, value in files.items():
            content = value if isinstance(value, bytes) else json.dumps(value).encode()
            member = tarfile.TarInfo(f"repository-{commit}/results/{name}")
            member.size = len(content)
            writer.addfile(member, io.BytesIO(content))
        for kind, name in hostile:
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, "/etc/passwd"
            writer.addfile(member)
    return path


def wanted(commit: str = COMMIT[:12]) -> FetchSettings:
    value = {"commit": commit, "folder": "results", "answers": WANTED}
    return FetchSettings.model_validate(value)


def refusal(where: str, folder: Path, commit: str = COMMIT[:12]) -> str:
    with pytest.raises(InputError) as caught:
        fetch_answers(where, wanted(commit), folder / "out")
    (problem,) = caught.value.problems
    assert list((folder / "out").iterdir()) == [], "nothing is left of what failed"
    return problem


@pytest.mark.parametrize("as_url", [True, False])
def test_answers_come_out_by_model_and_task_in_their_published_order(
    as_url: bool, tmp_path: Path
) -> None:
    path = archive(tmp_path, FILES)
    where = path.as_uri() if as_url else str(path)
    written = fetch_answers(where, wanted(), tmp_path / "out")
    assert [path.name for path in written] == ["small-PM.jsonl", "small-SA.jsonl"]
    rows = [(row["setting"], row["prediction"]) for path in written for row in read_lines(path)]
    assert rows == [(IND, "yes"), (IND, "no"), (IND, "A: good\n"), (IND, "B"), (OOD, "ü")]
    assert sorted((tmp_path / "out").iterdir()) == written


def test_another_commit_is_refused_whatever_the_archive_is_called(tmp_path: Path) -> None:
    where = str(archive(tmp_path, FILES))
    for other in ("decafbad", COMMIT[1:9], f"{COMMIT[:12]}0"):
        said = f"{where}: is of commit {COMMIT}, not of `commit: {other}`"
        assert refusal(where, tmp_path, other) == said
    where = str(archive(tmp_path, FILES, commit=None))
    assert "is of commit unknown, not of" in refusal(where, tmp_path)


def test_of_an_archive_nothing_is_unpacked_but_the_texts_that_are_asked_for(tmp_path: Path) -> None:
    link = f"repository-{COMMIT}/results/small/SA/{OOD}.json"
    elsewhere = [(tarfile.REGTYPE, name) for name in ("../evil.json", "/evil.json")]
    hostile = [*elsewhere, (tarfile.CHRTYPE, "repository/device"), (tarfile.SYMTYPE, link)]
    path = archive(tmp_path, FILES, hostile=hostile[:-1])
    written = fetch_answers(str(path), wanted(), tmp_path / "out")
    assert {*tmp_path.rglob("*")} == {path, tmp_path / "out", *written}
    for one in written:
        one.unlink()
    others = {name: texts for name, texts in FILES.items() if name != f"small/SA/{OOD}.json"}
    problem = refusal(str(archive(tmp_path, others, hostile=hostile)), tmp_path)
    assert f"has no results/small/Sentiment/{OOD}.json: restrict the models" in problem


def test_what_is_no_whole_archive_is_refused_with_the_way_to_bring_it(tmp_path: Path) -> None:
    path = archive(tmp_path, FILES)
    whole = path.read_bytes()
    for damaged in (whole[: len(whole) // 2], b"<html>", b""):
        path.write_bytes(damaged)
        assert refusal(str(path), tmp_path).startswith(f"{path}: no whole tar archive")
    assert refusal((tmp_path / "none.tar.gz").as_uri(), tmp_path).endswith(
        ": download it, and set `archive` of the study's `answers` to the path of the file"
    )


def test_the_script_writes_the_answers_and_what_they_were_made_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, out = archive(tmp_path, FILES), tmp_path / "out"
    options = ["--archive", path, "--settings", wanted().model_dump_json(), "--output", out]
    assert run_here(monkeypatch, "fetch_answers.py", options) == 0
    manifest = read_manifest(out / "manifest.json")
    assert set(manifest.files) == {"small-PM.jsonl", "small-SA.jsonl"}
    assert manifest.settings["commit"] == COMMIT[:12]
    assert str(path) not in json.dumps(manifest.model_dump()), "wherever the archive was"
