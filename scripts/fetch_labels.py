"""Fetch the relevance labels of a study's ranking records, pinned by their sha256."""

from collections.abc import Sequence
from pathlib import Path

from ecslm.common.errors import InputError
from ecslm.config.loading import read_config
from ecslm.data.labels import fetch_labels
from ecslm.schemas.paths import TEMPLATES
from ecslm.schemas.registry import CONFIG_FILE
from ecslm.script import run_script


def main(configfile: Sequence[Path] = (), study: str | None = None) -> None:
    """
    Args:
        configfile: files merged over config.yaml
        study: entry of `studies` (default: the configuration's `study`)
    """
    config = read_config([CONFIG_FILE, *configfile], study, TEMPLATES)
    labels = config.current.data.labels
    if labels is None:
        where = f"studies.{config.study}.data"
        problem = InputError(f"{where}: has no `labels`, so there is no file to fetch")
        raise config.with_places(problem)
    fetched = fetch_labels(labels)
    print(f"{labels.path}: {'fetched' if fetched else 'already present'}")


if __name__ == "__main__":
    run_script(main)
