"""The common fields of manifests of bases, adapters and predictions."""

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from ecslm.common.hashing import sha256_of_text
from ecslm.common.manifests import Manifest
from ecslm.models.precision import Precision


class RunManifest(Manifest):
    """The manifest of what a model computed: which model and seed, with how many threads."""

    model: str | None = None
    """Name of the model, if the job was told."""
    seed: int | None = None
    threads: int | None = None
    """Threads on a CPU, whose number changes rounding; None on a GPU or elsewhere."""
    dtype: str | None = Field(None, exclude_if=lambda dtype: dtype is None)
    """Data type of computation, where the settings leave it to the device."""


def run_fields(
    model: str | None,
    seed: int,
    device: str | None,
    threads: int,
    precision: Precision | None = None,
) -> dict[str, Any]:
    """The fields that `RunManifest` adds, which are known before the work begins; a `device` of
    None computes nothing here."""
    found = {"model": model, "seed": seed, "threads": threads if device == "cpu" else None}
    if device is not None and precision is not None and precision.dtype == "auto":
        found["dtype"] = precision.computed_in(device)
    return found


def files_digest(files: Mapping[str, str]) -> str:
    """One digest of all files of a manifest, from their names and sha256."""
    return sha256_of_text("".join(f"{name} {files[name]}\n" for name in sorted(files)))
