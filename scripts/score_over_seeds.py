"""Score a model over its seeds: mean, standard deviation, and interval of the mean."""

import argparse
from pathlib import Path

from ecslm.common.cli import read_settings, run_script
from ecslm.common.errors import InputError
from ecslm.common.files import write_json
from ecslm.common.manifests import (
    add_manifest_options,
    made_from,
    manifest_of,
    require_unchanged,
    write_manifest,
)
from ecslm.common.text import number_of
from ecslm.common.usage import AS_IN_A_RUN, output_file
from ecslm.common.versions import installed_versions, require_locked
from ecslm.fingerprint.running import as_planned
from ecslm.scoring.metrics.protocol import metric
from ecslm.scoring.modules import metric_module
from ecslm.scoring.outcomes import read_outcomes
from ecslm.scoring.over_seeds import over_seeds
from ecslm.scoring.settings import LIBRARIES, OverSeedsSettings


def main(arguments: argparse.Namespace) -> None:
    settings = read_settings(arguments.settings, OverSeedsSettings)
    records, seeds = arguments.records, arguments.seeds
    if len(seeds) < 2 or len(set(seeds)) < len(seeds):
        raise InputError("--seeds: give two or more different seeds")
    if len(records) != len(seeds):
        given = number_of(len(records), "file")
        raise InputError(f"--records: {given} for {len(seeds)} seeds: give one per seed")
    versions = require_locked(LIBRARIES) if arguments.code else installed_versions(LIBRARIES)
    origin = made_from(records, settings, arguments.code, versions)
    outcomes = read_outcomes(records, metric(settings.metric))
    scores = over_seeds(outcomes, arguments.task, arguments.model, seeds, settings)
    require_unchanged(origin)
    write_json(arguments.output, scores.model_dump())
    write_manifest(arguments.manifest or manifest_of(arguments.output), origin, [arguments.output])


def modules(arguments: argparse.Namespace) -> tuple[str, ...]:
    """The module of the task's metric."""
    return (metric_module(read_settings(arguments.settings, OverSeedsSettings).metric),)


def command_line() -> argparse.ArgumentParser:
    """The options of this script."""
    parser = argparse.ArgumentParser(description=__doc__, epilog=AS_IN_A_RUN)
    add = parser.add_argument
    add("--task", required=True, help="code of the task, recorded in the file")
    add("--model", help="name of the model, recorded in the file")
    add("--seeds", type=int, nargs="+", required=True, help="seeds, in the order of --records")
    add(
        "--records",
        type=Path,
        nargs="+",
        required=True,
        help="outcomes files of score.py, one per seed",
    )
    add("--settings", required=True, help='JSON or @FILE: {"metric": "ndcg", "scoring": {...}}')
    add("--output", type=output_file, required=True, help="file to write (JSON)")
    add_manifest_options(parser)
    return parser


if __name__ == "__main__":
    run_script(as_planned(main, __file__, modules), command_line())
