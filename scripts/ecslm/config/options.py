"""Command-line options that select a study."""

import argparse
from pathlib import Path


def add_study_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that select a study, with the meaning that Snakemake's have."""
    parser.add_argument(
        "--configfile", type=Path, nargs="+", default=[], help="files merged over config.yaml"
    )
    parser.add_argument("--study", help="entry of `studies` (default: the configuration's `study`)")
