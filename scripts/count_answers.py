"""Count the answers in files: is a model's answer always the same one? No records are needed.

Prints how many different answers a file has, how often the most frequent one, and how often two
models give the same answer, beside how often they would by chance.
"""

import argparse
from pathlib import Path

from ecslm.common.cli import run_script
from ecslm.reports.answer_files import read_answers, summary

EPILOG = """\
examples:
  %(prog)s results/demo/predictions/*/seed-0/SA.jsonl
  %(prog)s inference_results/*/Product_Substitute_Identification/*.json --yes 230
"""


def main(arguments: argparse.Namespace) -> None:
    """Read the answers, print the counts."""
    print(summary(read_answers(arguments.answers), arguments.yes))


def command_line() -> argparse.ArgumentParser:
    """The options of this script."""
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add(
        "answers",
        type=Path,
        nargs="+",
        metavar="FILE",
        help="JSON list of texts, or JSON Lines with `prediction`; {model}/.../{file} of several "
        "models are compared if they have equal numbers of answers",
    )
    add("--yes", type=int, help="how many right answers are yes, to tell the F1 of a constant")
    return parser


if __name__ == "__main__":
    run_script(main, command_line())
