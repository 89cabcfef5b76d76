"""Fetch the relevance labels of a study's ranking records, pinned by their sha256."""

import argparse

from ecslm.common.cli import run_script
from ecslm.config.labels import read_label_settings
from ecslm.config.options import add_study_options
from ecslm.data.sources.labels import fetch_labels
from ecslm.schemas.registry import CONFIG_FILE


def main(arguments: argparse.Namespace) -> None:
    """Fetch the file unless it exists, and print its path."""
    labels = read_label_settings([CONFIG_FILE, *arguments.configfile], arguments.study)
    fetched = fetch_labels(labels)
    print(f"{labels.path}: {'fetched' if fetched else 'already present'}")


def command_line() -> argparse.ArgumentParser:
    """The options of this script."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_study_options(parser)
    return parser


if __name__ == "__main__":
    run_script(main, command_line())
