"""Compile a study's report to PDF; needs latexmk."""

import argparse
from pathlib import Path

from ecslm.files import run_script
from ecslm.report.pdf import compile_pdf


def main(arguments: argparse.Namespace) -> None:
    compile_pdf(arguments.tex, arguments.pdf)


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(description=__doc__)
    made.add_argument("--tex", required=True, type=Path, help="document, beside its tables/ folder")
    made.add_argument("--pdf", required=True, type=Path, help="PDF to write")
    return made


if __name__ == "__main__":
    run_script(main, parser())
