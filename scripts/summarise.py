"""Print a summary of a study's results, and where they are."""

import argparse
from pathlib import Path

from ecslm.common.cli import read_settings, run_script
from ecslm.common.usage import AS_IN_A_RUN
from ecslm.reports.run_summary import SummarySettings, summary


def main(arguments: argparse.Namespace) -> None:
    print(summary(read_settings(arguments.settings, SummarySettings), arguments.results))


def command_line() -> argparse.ArgumentParser:
    """The options of this script."""
    parser = argparse.ArgumentParser(description=__doc__, epilog=AS_IN_A_RUN)
    parser.add_argument("--settings", required=True, help="what the summary shows: JSON or @FILE")
    parser.add_argument(
        "--results",
        required=True,
        type=Path,
        help="results directory of the study, as results/demo",
    )
    return parser


if __name__ == "__main__":
    run_script(main, command_line())
