"""Reads and merges the files of a configuration."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from ecslm.common.errors import InputError
from ecslm.common.files import read_text
from ecslm.common.yaml_loader import YAML_LOADER


def merged_files(files: Sequence[Path]) -> dict[str, Any]:
    """The content of YAML files, later ones over earlier ones, as Snakemake's `--configfile` does.

    Raises:
        InputError: a file is missing or is not a YAML mapping.
    """
    merged: dict[str, Any] = {}
    for path in files:
        try:
            value = yaml.load(read_text(path), Loader=YAML_LOADER) or {}
        except yaml.YAMLError as error:
            raise InputError(f"{path}: not YAML ({' '.join(str(error).split())})") from None
        if not isinstance(value, dict):
            raise InputError(f"{path}: not a YAML mapping")
        merged = _merged(merged, value)
    return merged


def _merged(under: Any, over: Any) -> Any:
    """Mappings are merged key by key; any other value is replaced by `over`."""
    if not (isinstance(under, dict) and isinstance(over, dict)):
        return over
    return under | {key: _merged(under.get(key), value) for key, value in over.items()}
