"""Print the scores of a study, and where its results are, as a finished run does."""

import argparse

from ecslm.common.cli import run_script
from ecslm.config.options import add_study_options
from ecslm.plan.plan import Plan
from ecslm.plan.report import study_summary


def main(arguments: argparse.Namespace) -> None:
    """Print them."""
    print(study_summary(Plan.read(arguments.configfile, arguments.study).study))


def command_line() -> argparse.ArgumentParser:
    """The options of this script."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_study_options(parser)
    return parser


if __name__ == "__main__":
    run_script(main, command_line())
