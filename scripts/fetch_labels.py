"""Fetch the relevance labels of a study's ranking records, pinned by their sha256."""

from collections.abc import Sequence
from pathlib import Path

from ecslm.config.labels import read_label_settings
from ecslm.data.sources.labels import fetch_labels
from ecslm.schemas.registry import CONFIG_FILE
from ecslm.script import run_script


def main(configfile: Sequence[Path] = (), study: str | None = None) -> None:
    """
    Args:
        configfile: files merged over config.yaml
        study: entry of `studies` (default: the configuration's `study`)
    """
    labels = read_label_settings([CONFIG_FILE, *configfile], study)
    fetched = fetch_labels(labels)
    print(f"{labels.path}: {'fetched' if fetched else 'already present'}")


if __name__ == "__main__":
    run_script(main)
