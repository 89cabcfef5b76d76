"""Manifests of what a model computed, and of an adapter, which is verified before it is used."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ConfigDict

from ecslm.common.files import read_model
from ecslm.common.hashing import sha256_of_text
from ecslm.common.manifests import Manifest
from ecslm.models.precision import Precision

# What to do about an adapter that cannot be used, for messages.
RETRAIN = "`rm {}`, then run again to retrain"


def run_fields(
    model: str | None,
    seed: int,
    device: str | None,
    threads: int,
    precision: Precision | None = None,
) -> dict[str, Any]:
    """The fields of the manifest of what a model computed that are known before the work begins; a
    `device` of None computes nothing here."""
    found = {"model": model, "seed": seed, "threads": threads if device == "cpu" else None}
    if device is not None and precision is not None and precision.dtype == "auto":
        found["dtype"] = precision.computed_in(device)
    return found


def files_digest(files: Mapping[str, str]) -> str:
    """One digest of all files of a manifest, from their names and sha256."""
    return sha256_of_text("".join(f"{name} {files[name]}\n" for name in sorted(files)))


class AdapterManifest(Manifest):
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
    model: str | None = None
    """Name of the model, if the job was told."""
    seed: int
    threads: int | None = None
    """Threads on a CPU, whose number changes rounding; None on a GPU."""
    dtype: str | None = None
    """Data type of computation, where the settings leave it to the device."""
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
    adapter.verify(manifest, RETRAIN.format(manifest))
    return adapter
