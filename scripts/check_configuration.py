"""Check a configuration: a line for each mistake, with its file and line number.

`make reproduce` and `make export` do this before they start Snakemake, which ends with a traceback
at a file that it cannot read, or without a folder for its caches.
"""

import argparse

from ecslm.common.cli import run_script
from ecslm.config.loading import read_config
from ecslm.config.options import add_study_options
from ecslm.preflight.machine import check_cache_folder
from ecslm.schemas.paths import TEMPLATES
from ecslm.schemas.registry import CONFIG_FILE


def main(arguments: argparse.Namespace) -> None:
    """Read the files."""
    check_cache_folder()
    read_config([CONFIG_FILE, *arguments.configfile], arguments.study, TEMPLATES)


def command_line() -> argparse.ArgumentParser:
    """The options of this script."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_study_options(parser)
    return parser


if __name__ == "__main__":
    run_script(main, command_line())
