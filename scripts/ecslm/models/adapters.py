"""Reading and verifying an adapter's manifest."""

from pathlib import Path

from pydantic import ConfigDict, Field

from ecslm.common.validation import read_model
from ecslm.models.manifests import RunManifest


class AdapterManifest(RunManifest):
    """`results/{study}/adapters/{model}/seed-{seed}/manifest.json`.

    `settings` are an `AdapterSettings`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: str = Field(description="Name of the base.")
    revision: str = Field(description="The base's revision.")
    base_sha256: str = Field(description="Digest of the base's files, see `files_digest`.")
    template_sha256: str
    seed: int
    processes: int | None = Field(
        None, description="Processes that trained together, if they were several."
    )
    best_step: int = Field(description="Optimiser step with the lowest evaluation loss.")
    records: dict[str, int] = Field(description="Training records per task.")
    tokens: dict[str, int] = Field(description="Tokens per task in one epoch, prompts included.")
    answer_tokens: dict[str, int] = Field(description="Trained tokens per task in one epoch.")
    truncated: dict[str, int] = Field(description="Records per task whose input was cut.")


def read_adapter(manifest: Path) -> AdapterManifest:
    """Read an adapter's manifest and verify its files.

    Raises:
        InputError: the manifest is missing or invalid, or a file is missing or altered.
    """
    adapter = read_model(manifest, AdapterManifest)
    adapter.verify(manifest, how_to_retrain(manifest, adapter))
    return adapter


def how_to_retrain(manifest: Path, adapter: AdapterManifest) -> str:
    """What to do about an adapter that cannot be used, for messages."""
    all_files = " ".join(str(manifest.with_name(name)) for name in (*adapter.files, manifest.name))
    return f"`rm -f {all_files}`, then run again to retrain"
