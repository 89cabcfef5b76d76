"""Compile a study's report to PDF; needs latexmk."""

import argparse
from pathlib import Path

from ecslm.files import run_script
from ecslm.report.pdf import compile_pdf


def main(arguments: argparse.Namespace) -> None:
    compile_pdf(arguments.tex, arguments.pdf)


def command_line() -> argparse.ArgumentParser:
    """The options of this script."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tex", required=True, type=Path, help="document beside tables/")
    parser.add_argument("--pdf", required=True, type=Path, help="PDF to write")
    return parser


if __name__ == "__main__":
    run_script(main, command_line())
