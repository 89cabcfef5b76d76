"""Compare scores record by record: the contrasts that a study declares, over all tasks."""

import argparse
from pathlib import Path

from ecslm.comparisons.cells import task_cells
from ecslm.comparisons.comparing import compare
from ecslm.comparisons.results import MANIFEST, comparison_path
from ecslm.comparisons.settings import LIBRARIES, CompareSettings
from ecslm.files import (
    InputError,
    installed_versions,
    read_settings,
    require_locked,
    run_script,
    write_json,
)
from ecslm.manifests import made_from, write_manifest
from ecslm.metrics.protocol import metric
from ecslm.outcomes import read_outcomes
from ecslm.score_paths import outcome_paths


def main(arguments: argparse.Namespace) -> None:
    settings = read_settings(arguments.settings, CompareSettings)
    files = {
        (task, name): [arguments.results / path for path in outcome_paths(name, model.seeds, task)]
        for task in settings.tasks
        for name, model in settings.models.items()
    }
    versions = require_locked(LIBRARIES) if arguments.code else installed_versions(LIBRARIES)
    inputs = [path for paths in files.values() for path in paths]
    origin = made_from(inputs, settings, arguments.code, versions)
    cells = {}
    for task, name_of_metric in settings.tasks.items():
        outcomes = {
            name: read_outcomes(files[task, name], metric(name_of_metric))
            for name in settings.models
        }
        cells[task] = list(task_cells(task, settings, outcomes))
    if not any(cells.values()):
        raise InputError("--settings: contrasts: no task has both sides of any")
    written = []
    for task, rows in compare(cells, settings).items():
        written.append(arguments.results / comparison_path(task))
        write_json(written[-1], [row.model_dump(mode="json") for row in rows])
    write_manifest(arguments.results / MANIFEST, origin, written)


def command_line() -> argparse.ArgumentParser:
    """The options of this script."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog="Reads RESULTS/metrics/MODEL/seed-SEED/TASK.records.jsonl, which score.py writes; "
        "writes RESULTS/comparisons/TASK.json, and manifest.json beside them.",
    )
    parser.add_argument(
        "--results", type=Path, required=True, help="the study's results folder, read and written"
    )
    parser.add_argument(
        "--settings",
        required=True,
        help='JSON or @file, for example {"tasks": {"PM": "binary_f1"}, "models": {"A": {"seeds": '
        '[0]}, "B": {"seeds": [0]}}, "contrasts": {"tuning": {"kind": "models", "pairs": [["A", '
        '"B"]], "settings": ["IND_Diverse_Instruction"]}}}',
    )
    parser.add_argument("--code", help="digest of this script's code, recorded in the manifest")
    return parser


if __name__ == "__main__":
    run_script(main, command_line())
