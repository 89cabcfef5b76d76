"""Show what a result was built from, what has changed since, and whether it will be rebuilt."""

import argparse
from pathlib import Path

from ecslm.common.cli import run_script
from ecslm.config.options import add_study_options
from ecslm.provenance.explanation import explain
from ecslm.provenance.history import History


def main(arguments: argparse.Namespace) -> None:
    """Explain each file."""
    for path in arguments.files:
        study = arguments.study or study_of(path)
        print(explain(History.of_study(arguments.configfile, study), path))


def study_of(path: Path) -> str | None:
    """The study that a result belongs to; None for base weights, which studies share."""
    parts = path.parts
    return parts[1] if parts[:1] == ("results",) and parts[1:2] != ("bases",) else None


def command_line() -> argparse.ArgumentParser:
    """The options of this script."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "files", nargs="+", type=Path, help="result, for example results/demo/tables/ind.tex"
    )
    add_study_options(parser)
    return parser


if __name__ == "__main__":
    run_script(main, command_line())
