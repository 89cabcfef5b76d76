"""An adapter on disk: its manifest, written last and verified before use."""

from pathlib import Path

from pydantic import ConfigDict, Field

from ecslm.common.hashing import sha256_of_text
from ecslm.common.manifests import Manifest
from ecslm.common.validation import read_model


class AdapterManifest(Manifest):
    """`results/{study}/adapters/{model}/seed-{seed}/manifest.json`.

    `settings` are those of `AdapterSettings`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: str = Field(description="The base, by name.")
    revision: str = Field(description="The base's revision.")
    base_sha256: str = Field(description="Digest of the base's files, see `base_digest`.")
    template_sha256: str
    seed: int
    best_step: int = Field(description="Optimiser step whose evaluation loss was best.")
    records: dict[str, int] = Field(description="Training records per task.")
    tokens: dict[str, int] = Field(description="Tokens per task in one epoch, prompts included.")
    answer_tokens: dict[str, int] = Field(description="Trained tokens per task in one epoch.")
    truncated: dict[str, int] = Field(description="Records per task whose input was cut.")


def base_digest(files: dict[str, str]) -> str:
    """One digest of a base's files, whatever folder they lie in."""
    return sha256_of_text("".join(f"{name} {files[name]}\n" for name in sorted(files)))


def read_adapter(manifest: Path) -> AdapterManifest:
    """The manifest of an adapter whose files have been verified.

    Raises:
        InputError: the manifest is missing or broken, or a file of the adapter was altered.
    """
    adapter = read_model(manifest, AdapterManifest)
    there = " ".join(str(manifest.with_name(name)) for name in (*adapter.files, manifest.name))
    adapter.verify(manifest, f"`rm -f {there}`, then run again to retrain")
    return adapter
