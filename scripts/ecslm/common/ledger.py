"""The ledger: the sha256 of every manifest below `results/`, recorded when the manifest is written.

A manifest alone cannot vouch for its results: both may be altered together, or be those of another
job. So its sha256 is kept apart from the results, in one file per manifest, so that jobs on several
machines never write the same file. The files have the form that `sha256sum --check` reads.
"""

import os
from pathlib import Path

from ecslm.common.files import write_text
from ecslm.common.hashing import differs, sha256_of_file

# Relative to the project, like all paths of results.
RESULTS = "results"
LEDGER = Path(RESULTS) / "made"


def record_made(manifest: Path) -> None:
    """Record the sha256 of a manifest that has just been put into place.

    Manifests outside `results/`, of scripts that were run alone, are not recorded.
    """
    record = ledger_record(manifest)
    if record is not None:
        write_text(record, f"{sha256_of_file(manifest)}  {_key(manifest)}\n")


def is_recorded(manifest: Path) -> bool:
    """Whether the manifest is recorded."""
    record = ledger_record(manifest)
    return record is not None and record.is_file()


def differs_from_record(manifest: Path) -> bool:
    """Whether the manifest is recorded with another sha256 than it has now.

    Raises:
        InputError: the manifest is missing.
    """
    record = ledger_record(manifest)
    if record is None:
        return False
    try:
        recorded = record.read_text(encoding="ascii", errors="replace").split()
    except FileNotFoundError:
        return False
    return differs(manifest, next(iter(recorded), None))


def ledger_record(manifest: Path) -> Path | None:
    """Path of a manifest's record; None if it is not below `results/`."""
    key = _key(manifest)
    folder, *rest = key.parts
    return LEDGER.joinpath(*rest[:-1], f"{rest[-1]}.sha256") if folder == RESULTS and rest else None


def _key(manifest: Path) -> Path:
    # Symbolic links are not followed: `results` itself may be one.
    return Path(os.path.relpath(manifest))
