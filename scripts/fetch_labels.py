"""Fetch the relevance labels of a study's ranking records, pinned by their sha256."""

import argparse

from ecslm.config import read_config
from ecslm.files import InputError, run_script
from ecslm.plan import TEMPLATES
from ecslm.provenance import add_study_options
from ecslm.records.label_file import fetch_labels
from ecslm.records.settings import DemoData
from ecslm.tasks import CONFIG_FILE


def main(arguments: argparse.Namespace) -> None:
    """Fetch the file unless it is here, and say where it is."""
    config = read_config([CONFIG_FILE, *arguments.configfile], arguments.study, TEMPLATES)
    data = config.current.data
    labels = None if isinstance(data, DemoData) else data.labels
    if labels is None:
        raise InputError(f"studies.{config.study}.data: names no `labels`: there is no file")
    fetched = fetch_labels(labels)
    print(f"{labels.path}: {'fetched' if fetched else 'is here'}")


def command_line() -> argparse.ArgumentParser:
    """The options of this script."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_study_options(parser)
    return parser


if __name__ == "__main__":
    run_script(main, command_line())
