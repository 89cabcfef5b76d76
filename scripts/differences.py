"""Test differences between scores of one task, record by record, for the contrasts of a study.

Writes them and prints a summary.
"""

import argparse
import json
from importlib import import_module
from pathlib import Path

from ecslm.common.cli import read_settings, run_script
from ecslm.common.errors import InputError
from ecslm.common.files import write_json
from ecslm.common.manifests import (
    add_manifest_options,
    made_from,
    manifest_of,
    read_result,
    refuse_replaced,
    require_unchanged,
    write_manifest,
)
from ecslm.common.usage import output_file
from ecslm.common.versions import installed_versions, require_locked
from ecslm.comparisons.settings import LIBRARIES, DifferencesSettings, names_best_simple
from ecslm.comparisons.sides import missing_settings, task_sides
from ecslm.comparisons.testing import differences
from ecslm.fingerprint.running import as_planned
from ecslm.schemas.paths import SIMPLE_BASELINES, outcome_paths
from ecslm.schemas.simple_baselines import SimpleBaselines
from ecslm.scoring.metrics.protocol import metric
from ecslm.scoring.modules import metric_module
from ecslm.scoring.outcomes import read_outcomes


def main(arguments: argparse.Namespace) -> None:
    manifest = arguments.manifest or manifest_of(arguments.output)
    refuse_replaced({}, {"--output": arguments.output}, manifest)
    settings = read_settings(arguments.settings, DifferencesSettings)
    files = {
        name: [
            arguments.results / path for path in outcome_paths(name, model.seeds, arguments.task)
        ]
        for name, model in settings.models.items()
    }
    versions = require_locked(LIBRARIES) if arguments.code else installed_versions(LIBRARIES)
    inputs = [path for paths in files.values() for path in paths]
    best = None
    if names_best_simple(settings.contrasts.values()):
        chosen = arguments.results / SIMPLE_BASELINES.format(task=arguments.task)
        best = read_result(chosen, SimpleBaselines).best
        if best not in files:
            raise InputError(f"{chosen}: best: {best} is not in `models` of --settings: add it")
        inputs.append(chosen)
    origin = made_from(inputs, settings, arguments.code, versions)
    measure = metric(settings.metric)
    outcomes = {name: read_outcomes(paths, measure) for name, paths in files.items()}
    # Not an error in a study, where some tasks lack some settings.
    if arguments.code is None and (missing := missing_settings(settings, outcomes, best)):
        raise InputError(*(f"--settings: {problem}" for problem in missing))
    rows = differences(list(task_sides(settings, outcomes, best)), settings)
    require_unchanged(origin)
    written = [row.model_dump(mode="json") for row in rows]
    write_json(arguments.output, written)
    write_manifest(manifest, origin, [arguments.output])
    # As in score.py: no result depends on the summary.
    report = import_module("ecslm.reports.difference_summary")
    as_json = json.dumps(written, indent=2, ensure_ascii=False)
    print(as_json if arguments.json else report.summary({arguments.task: rows}))


def modules(arguments: argparse.Namespace) -> tuple[str, ...]:
    """The module of the task's metric."""
    return (metric_module(read_settings(arguments.settings, DifferencesSettings).metric),)


def command_line() -> argparse.ArgumentParser:
    """The options of this script."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog="Run compare.py afterwards to adjust the p-values over all tasks. A contrast of "
        "settings is paired if both have the same samples.",
    )
    add = parser.add_argument
    add("--task", required=True, help="code of the task, part of the names of outcomes files")
    add(
        "--results",
        type=Path,
        required=True,
        help="directory with metrics/MODEL/seed-SEED/TASK.records.jsonl, written by score.py",
    )
    add(
        "--settings",
        required=True,
        help='JSON or @FILE, for example {"metric": "binary_f1", "models": {"A": {"seeds": [0]}, '
        '"B": {"seeds": [0]}}, "contrasts": {"tuning": {"kind": "models", "pairs": [["A", "B"]], '
        '"settings": ["IND_Diverse_Instruction"]}}}',
    )
    add("--output", type=output_file, required=True, help="file to write (JSON)")
    add("--json", action="store_true", help="print JSON, as it is written, instead of a summary")
    add_manifest_options(parser)
    return parser


if __name__ == "__main__":
    run_script(as_planned(main, __file__, modules), command_line())
