"""Reading and verifying an adapter's manifest."""

from pathlib import Path

from pydantic import ConfigDict

from ecslm.common.validation import read_model
from ecslm.models.manifests import RunManifest


class AdapterManifest(RunManifest):
    """`results/{study}/adapters/{model}/seed-{seed}/manifest.json`.

    `settings` are an `AdapterSettings`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: str
    """Name of the base."""
    revision: str
    """The base's revision."""
    base_sha256: str
    """Digest of the base's files, see `files_digest`."""
    template_sha256: str
    seed: int
    processes: int | None = None
    """Processes that trained together, if they were several."""
    best_step: int
    """Optimiser step with the lowest evaluation loss."""
    records: dict[str, int]
    """Training records per task."""
    tokens: dict[str, int]
    """Tokens per task in one epoch, prompts included."""
    answer_tokens: dict[str, int]
    """Trained tokens per task in one epoch."""
    truncated: dict[str, int]
    """Records per task whose input was cut."""


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
