"""The manifest of what a model computed: an adapter, or predictions."""

from typing import Any

from pydantic import Field

from ecslm.common.manifests import Manifest


class RunManifest(Manifest):
    """Adds which model and seed the results belong to, and the number of threads."""

    model: str | None = Field(None, description="Name of the model, if the job was told.")
    seed: int | None = None
    threads: int | None = Field(
        None, description="Threads on a CPU, whose number changes rounding; None on a GPU."
    )


def run_fields(model: str | None, seed: int, device: str, threads: int) -> dict[str, Any]:
    """The fields that `RunManifest` adds, which are known before the work begins."""
    return {"model": model, "seed": seed, "threads": threads if device == "cpu" else None}
