"""What identifies weights by content, for the keys of finished results."""

from pathlib import Path

from ecslm.common.validation import read_model
from ecslm.models.adapters import base_digest
from ecslm.models.bases import BaseManifest


def base_identity(manifest: Path) -> dict[str, str]:
    """The name, revision and digest of base weights, as their manifest has them.

    The weights are verified where they are loaded: hashing gigabytes would be for nothing where
    finished results are taken.

    Raises:
        InputError: the manifest is missing or invalid.
    """
    base = read_model(manifest, BaseManifest)
    return {"name": base.base, "revision": base.revision, "files": base_digest(base.files)}
