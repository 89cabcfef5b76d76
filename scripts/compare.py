"""Adjust the p-values of each contrast over all tasks, with Holm's method.

Writes the comparisons of each task and prints a summary.
"""

import argparse
import json
from importlib import import_module
from pathlib import Path

from ecslm.common.cli import run_script
from ecslm.common.errors import InputError
from ecslm.common.files import write_json
from ecslm.common.manifests import made_from, refuse_replaced, require_unchanged, write_manifest
from ecslm.common.usage import output_file, output_folder
from ecslm.comparisons.families import adjusted
from ecslm.comparisons.results import read_differences
from ecslm.fingerprint.running import as_planned


def main(arguments: argparse.Namespace) -> None:
    origin = made_from(arguments.differences, {}, arguments.code, versions={})
    differences = {path.name: read_differences(path) for path in arguments.differences}
    if len(differences) < len(arguments.differences):
        raise InputError("--differences: two files have the same name; outputs are named like them")
    if arguments.output.resolve() in {path.resolve().parent for path in arguments.differences}:
        raise InputError(f"--output: {arguments.output} is the directory of the differences")
    manifest = arguments.manifest or arguments.output / "manifest.json"
    refuse_replaced({}, {name: arguments.output / name for name in differences}, manifest)
    if not any(differences.values()):
        raise InputError("--differences: empty: no task has both sides of any contrast")
    adjusted_rows = adjusted(differences)
    require_unchanged(origin)
    found = {
        name: [row.model_dump(mode="json") for row in rows] for name, rows in adjusted_rows.items()
    }
    for name, rows in found.items():
        write_json(arguments.output / name, rows)
    write_manifest(manifest, origin, [arguments.output / name for name in found])
    # As in score.py: no result depends on the summary.
    report = import_module("ecslm.reports.difference_summary")
    by_task = {Path(name).stem: rows for name, rows in adjusted_rows.items()}
    as_json = json.dumps(found, indent=2, ensure_ascii=False)
    print(as_json if arguments.json else report.summary(by_task))


def command_line() -> argparse.ArgumentParser:
    """The options of this script."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog="example: %(prog)s --differences mine/PM.json mine/SA.json --output adjusted",
    )
    add = parser.add_argument
    add(
        "--differences",
        type=Path,
        nargs="+",
        required=True,
        help="output files of differences.py, one per task",
    )
    add(
        "--output",
        type=output_folder,
        required=True,
        help="directory to write files of the same names to",
    )
    add(
        "--manifest",
        type=output_file,
        help="manifest to write: what the results were made from (default: OUTPUT/manifest.json)",
    )
    add("--json", action="store_true", help="print JSON, by file name, instead of a summary")
    add(
        "--code",
        help="set by a run: digest of the code, which is recorded; other code refuses to run",
    )
    return parser


if __name__ == "__main__":
    run_script(as_planned(main, __file__), command_line())
