"""Measure the overlap of a task's test records with the training records."""

import argparse
from pathlib import Path

from ecslm.common.cli import run_script
from ecslm.common.files import write_json
from ecslm.common.manifests import (
    add_manifest_options,
    made_from,
    manifest_of,
    require_unchanged,
    write_manifest,
)
from ecslm.common.usage import output_file
from ecslm.common.versions import installed_versions, require_locked
from ecslm.data.card.leakage import leakage
from ecslm.data.card.settings import LEAKAGE_LIBRARIES as LIBRARIES
from ecslm.fingerprint.running import as_planned
from ecslm.schemas.record import read_records, read_task

EPILOG = """\
example:
  %(prog)s --task SA --train results/demo/dataset/SA/train.jsonl \\
      --test results/demo/dataset/SA/test.jsonl --output overlap.json
"""


def main(arguments: argparse.Namespace) -> None:
    """Read the records, compare them, write the report and its manifest."""
    versions = require_locked(LIBRARIES) if arguments.code else installed_versions(LIBRARIES)
    inputs = [arguments.test, arguments.train, *arguments.other_train]
    origin = made_from(inputs, {}, arguments.code, versions)
    test, train = (read_task(path, arguments.task) for path in (arguments.test, arguments.train))
    report = leakage(test, train, read_records(*arguments.other_train))
    output = arguments.output
    require_unchanged(origin)
    write_json(output, report.model_dump(mode="json"))
    write_manifest(arguments.manifest or manifest_of(output), origin, [output])


def command_line() -> argparse.ArgumentParser:
    """The options of this script."""
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--task", required=True, help="code of the task, for example QPR")
    add("--test", type=Path, required=True, help="dataset file of the task's test rows")
    add("--train", type=Path, required=True, help="dataset file of the task's training rows")
    add(
        "--other-train",
        type=Path,
        nargs="*",
        default=[],
        metavar="FILE",
        help="dataset files of other tasks' training rows, whose queries are compared too",
    )
    add("--output", type=output_file, required=True, help="report to write (JSON)")
    add_manifest_options(parser)
    return parser


if __name__ == "__main__":
    run_script(as_planned(main, __file__), command_line())
