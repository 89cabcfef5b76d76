"""Measure the overlap of a task's test records with the training records."""

import argparse
from pathlib import Path

from ecslm.data_card.leakage import leakage
from ecslm.data_card.libraries import LEAKAGE_LIBRARIES as LIBRARIES
from ecslm.files import InputError, installed_versions, require_locked, run_script, write_json
from ecslm.manifests import add_manifest_options, made_from, manifest_of, write_manifest
from ecslm.records.record import Record, read_records


def main(arguments: argparse.Namespace) -> None:
    """Read the records, compare them, write the report and its manifest."""
    versions = require_locked(LIBRARIES) if arguments.code else installed_versions(LIBRARIES)
    inputs = [arguments.test, arguments.train, *arguments.other_train]
    origin = made_from(inputs, {}, arguments.code, versions)
    test, train = read_task(arguments.test, arguments.train)
    report = leakage(test, train, read_records(*arguments.other_train))
    output = arguments.output
    write_json(output, report.model_dump(mode="json"))
    write_manifest(arguments.manifest or manifest_of(output), origin, [output])


def read_task(test_file: Path, train_file: Path) -> tuple[list[Record], list[Record]]:
    """The test and training records of one task.

    Raises:
        InputError: no test records, or records of several tasks.
    """
    test, train = read_records(test_file), read_records(train_file)
    if not test:
        raise InputError(f"{test_file}: no records")
    tasks = dict.fromkeys(record.task for record in (*test, *train))
    if len(tasks) > 1:
        raise InputError(
            f"{test_file}, {train_file}: records of several tasks ({', '.join(tasks)}): "
            "name files of one task"
        )
    return test, train


def command_line() -> argparse.ArgumentParser:
    """The options of this script."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--test", type=Path, required=True, help="dataset file of the task's test rows")
    add("--train", type=Path, required=True, help="dataset file of the task's training rows")
    add(
        "--other-train",
        type=Path,
        nargs="*",
        default=[],
        metavar="FILE",
        help="dataset files of other tasks' training rows, whose queries count too",
    )
    add("--output", type=Path, required=True, help="report to write (JSON)")
    add_manifest_options(parser)
    return parser


if __name__ == "__main__":
    run_script(main, command_line())
