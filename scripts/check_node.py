"""Say what a job of a run would meet on this machine: what `check_study.py` runs on a node.

It prints one line of JSON.
"""

import argparse
from pathlib import Path

from ecslm.common.cli import run_script
from ecslm.preflight.slurm.on_node import report_of_node


def main(arguments: argparse.Namespace) -> None:
    """Try what jobs need, and print what was found."""
    report = report_of_node(arguments.folder, tuple(arguments.variable), arguments.driver)
    print(report.model_dump_json())


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
