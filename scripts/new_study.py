"""Begin a study of your own records: write a configuration with comments, and check it.

The records are looked at: the tasks that they belong to, the kind of answer to each, and whether
they say which are for training and which for tests. Nothing that exists is overwritten.
"""

import argparse
import os
import shlex
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import get_args

from ecslm.common.cli import run_script
from ecslm.common.errors import InputError
from ecslm.config.loading import read_config
from ecslm.config.schema import Config
from ecslm.data.checking import check_rows, task_names
from ecslm.data.problems import Kind, Problems
from ecslm.data.report import Report
from ecslm.plan.keys import StudyKey
from ecslm.plan.plan import Plan
from ecslm.preflight.check import check_study
from ecslm.preflight.text import as_text
from ecslm.schemas.paths import TEMPLATES
from ecslm.schemas.registry import CONFIG_FILE
from ecslm.starter.names import check_study_name
from ecslm.starter.records import EXAMPLE, look_at
from ecslm.starter.study import Start, configuration, plan_start
from ecslm.starter.words import found_lines, next_lines

MOST_THREADS = 8
# The problem of records that may be left out without a question.
DUPLICATE: Kind = "duplicate_record"


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
    start = begun(arguments.study, data, shipped)
    report = checked(configuration(start), arguments.study)
    if DUPLICATE in report.problems:
        start = replace(start, tolerate=(DUPLICATE,))
    text = configuration(start)
    with written.open("x", encoding="utf-8", newline="\n") as stream:
        stream.write(text)
    print("\n".join((str(data), *found_lines(start, report))))
    run = check_study([written], None, "default")
    print(f"\nWritten: {written}. Whether it can run here:\n\n{as_text(run)}\n\nNext:")
    # Whatever a run still needs: the file is there, and it is good.
    print("\n".join(next_lines(start, written)))


def begun(name: str, data: Path, shipped: Config) -> Start:
    """The study that the records make."""
    if not data.exists():
        raise InputError(
            f"{data}: no such file: put your records there, or name their file with DATA=FILE; "
            f"one JSON object a line, as {EXAMPLE}"
        )
    if data.suffix.lower() == ".csv":
        target = data.with_suffix(".jsonl")
        raise InputError(f"{data}: is a table: convert it by {as_json_lines(data, target)}")
    codes = task_names({code: task.aliases for code, task in shipped.tasks.items()})
    seen, divided = look_at(data, codes)
    threads = min(MOST_THREADS, os.cpu_count() or 1)
    return plan_start(name, data, seen, divided, shipped.tasks, threads)


def as_json_lines(table: Path, target: Path) -> str:
    """The command that makes JSON Lines of a table."""
    read = f"pandas.read_csv({str(table)!r}, dtype=str)"
    code = f"import pandas; {read}.to_json({str(target)!r}, orient='records', lines=True)"
    # In double quotes it is easier to read; whatever the shell would expand in them is rare.
    plain = not set(code) & set('"$`\\!')
    return (
        f'.venv/bin/python -c "{code}"' if plain else shlex.join([".venv/bin/python", "-c", code])
    )


def checked(text: str, study: str) -> Report:
    """What a run would find in the records, before there is a file.

    Raises:
        InputError: records cannot be used, for other reasons than that they are there twice.
    """
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / f"{study}.yaml"
        file.write_text(text, encoding="utf-8")
        plan = Plan.read([file], None)
        plan.source.check()
        settings = plan.data_check.settings(StudyKey())
        # All of them are told at once, and not in the words for a study that there is.
        source = settings.source.model_copy(update={"tolerate": get_args(Kind)})
        settings = settings.model_copy(update={"source": source})
        report = check_rows(plan.source.rows, settings, None)
    if lines := Problems(report.problems).lines((DUPLICATE,)):
        raise InputError(*lines, "these records cannot be used: correct or remove them first")
    return report


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
