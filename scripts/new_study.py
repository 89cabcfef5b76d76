"""Begin a study of your own records: write a configuration with comments, and check it.

The records are looked at: the tasks that they belong to, the kind of answer to each, and whether
they say which are for training and which for tests. Nothing that exists is overwritten.
"""

import argparse
import os
from pathlib import Path

from ecslm.common.cli import run_script
from ecslm.common.errors import InputError
from ecslm.config.loading import read_config
from ecslm.preflight.check import check_study
from ecslm.preflight.findings import as_text
from ecslm.schemas.paths import TEMPLATES
from ecslm.schemas.registry import CONFIG_FILE
from ecslm.starter.begin import begin_study, check_study_name
from ecslm.starter.words import found_lines, next_lines


def main(arguments: argparse.Namespace) -> None:
    """Look at the records, write the file, check what a run would need, and say what is next."""
    if not arguments.study:
        raise InputError("STUDY: missing: name the study, as in `make new STUDY=mine`")
    shipped = read_config([CONFIG_FILE], None, TEMPLATES)
    check_study_name(arguments.study, shipped.studies)
    written = Path(f"{arguments.study}.yaml")
    if os.path.lexists(written):
        raise InputError(f"{written}: exists, and is not overwritten: choose another STUDY")
    data = arguments.data or Path(f"{arguments.study}.jsonl")
    begun = begin_study(arguments.study, data, shipped.tasks)
    with written.open("x", encoding="utf-8", newline="\n") as stream:
        stream.write(begun.text)
    print("\n".join((str(data), *found_lines(begun.start, begun.report))))
    run = check_study([written], None, "default")
    print(f"\nWritten: {written}. Whether it can run here:\n\n{as_text(run)}\n\nNext:")
    # Whatever a run still needs: the file is there, and it is good.
    print("\n".join(next_lines(begun.start, written)))


def command_line() -> argparse.ArgumentParser:
    """The options of this script."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--study", help="name of the study; STUDY.yaml is written")
    parser.add_argument(
        "--data",
        type=Path,
        help="your records: a JSON Lines, JSON or Parquet file, or a folder of them (default: "
        "STUDY.jsonl)",
    )
    return parser


if __name__ == "__main__":
    run_script(main, command_line())
