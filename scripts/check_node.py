"""Say what a job of a run would lack on this machine: what `check_study.py` runs on a node.

It prints one line of JSON.
"""

import argparse
import json
from pathlib import Path

from ecslm.common.cli import run_script
from ecslm.preflight.slurm import problems_here


def main(arguments: argparse.Namespace) -> None:
    """Try what jobs need, and print what they would lack."""
    found = list(problems_here(arguments.folder, arguments.variable, arguments.driver))
    print(json.dumps({"problems": found}))


def command_line() -> argparse.ArgumentParser:
    """The options of this script."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add(
        "--folder",
        type=Path,
        required=True,
        help="directory that this node and check_study.py share",
    )
    add(
        "--variable",
        action="append",
        default=[],
        help="environment variable that jobs need; may be given again",
    )
    add("--driver", action="store_true", help="set if jobs run models on GPUs")
    return parser


if __name__ == "__main__":
    run_script(main, command_line())
