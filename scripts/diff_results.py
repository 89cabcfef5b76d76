"""Compare two results directories cell by cell: what changed, beyond its interval or not, and why.

A is before, B after: for example a copy of results/demo from before an edit, and results/demo. The
directories may be of different studies: what only one has is one line each.
"""

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path

from ecslm.common.cli import run_script
from ecslm.provenance.score_differences import Comparison, compare_scores
from ecslm.provenance.score_differences_text import as_text

SAME, CHANGED, BEYOND = 0, 3, 4
EPILOG = f"""\
exit status:
  {SAME}  all cells are the same
  1  a directory has no scores, a file is invalid, the two have no cell in common, or an option is
     wrong
  {CHANGED}  cells changed or are missing, none beyond its interval
  {BEYOND}  a cell changed beyond its interval

example:
  cp -r results/demo before; (edit a metric); snakemake --cores all
  %(prog)s before results/demo
"""


def main(arguments: argparse.Namespace) -> None:
    """Compare, print, and exit with a status that says what was found."""
    found = compare_scores(arguments.before, arguments.after)
    if arguments.json:
        values = asdict(found)
        cells = values.pop("changes")
        values |= {"changed": len(cells), "beyond": found.beyond, "cells": cells}
        print(json.dumps(values, indent=2, ensure_ascii=False))
    else:
        print(as_text(found))
    sys.exit(status(found))


def status(found: Comparison) -> int:
    """The exit status, see EPILOG."""
    if found.beyond:
        return BEYOND
    return CHANGED if found.changes or found.missing else SAME


def command_line() -> argparse.ArgumentParser:
    """The options of this script."""
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("before", metavar="A", type=Path, help="results directory, before")
    parser.add_argument("after", metavar="B", type=Path, help="results directory, after")
    parser.add_argument("--json", action="store_true", help="print JSON instead")
    return parser


if __name__ == "__main__":
    run_script(main, command_line())
