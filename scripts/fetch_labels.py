"""Fetch the relevance labels of a study's ranking records, pinned by their sha256."""

import argparse

from ecslm.common.cli import run_script
from ecslm.common.errors import InputError
from ecslm.config.loading import read_config
from ecslm.config.options import add_study_options
from ecslm.data.sources.labels import fetch_labels
from ecslm.schemas.paths import TEMPLATES
from ecslm.schemas.registry import CONFIG_FILE


def main(arguments: argparse.Namespace) -> None:
    """Fetch the file unless it exists, and print its path."""
    config = read_config([CONFIG_FILE, *arguments.configfile], arguments.study, TEMPLATES)
    labels = config.current.data.labels
    if labels is None:
        where = f"studies.{config.study}.data"
        problem = InputError(f"{where}: has no `labels`, so there is no file to fetch")
        raise config.with_places(problem)
    fetched = fetch_labels(labels)
    print(f"{labels.path}: {'fetched' if fetched else 'already present'}")


def command_line() -> argparse.ArgumentParser:
    """The options of this script."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_study_options(parser)
    return parser


if __name__ == "__main__":
    run_script(main, command_line())
