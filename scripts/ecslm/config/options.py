"""The options that say which study is meant."""

import argparse
from pathlib import Path


def add_study_options(parser: argparse.ArgumentParser) -> None:
    """The options that say which study is meant, as Snakemake has them."""
    parser.add_argument(
        "--configfile", type=Path, nargs="+", default=[], help="files over config.yaml, in order"
    )
    parser.add_argument("--study", help="entry of `studies` (default: the configuration's `study`)")
