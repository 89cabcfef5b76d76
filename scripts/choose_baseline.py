"""Choose the best simple baseline of a task, trivial or learned, without its test records."""

import argparse
from pathlib import Path

from ecslm.common.cli import read_settings, run_script
from ecslm.common.files import write_json
from ecslm.common.manifests import (
    add_manifest_options,
    made_from,
    manifest_of,
    require_unchanged,
    write_manifest,
)
from ecslm.common.usage import AS_IN_A_RUN, output_file
from ecslm.common.versions import installed_versions, require_locked
from ecslm.comparisons.choosing_settings import LIBRARIES, ChooseSettings
from ecslm.comparisons.simple_baselines import choose
from ecslm.fingerprint.running import as_planned
from ecslm.schemas.record import read_task
from ecslm.scoring.modules import task_modules


def main(arguments: argparse.Namespace) -> None:
    """Read the records, score the baselines, write their scores."""
    settings = read_settings(arguments.settings, ChooseSettings)
    versions = require_locked(LIBRARIES) if arguments.code else installed_versions(LIBRARIES)
    paths = [arguments.train, arguments.val]
    origin = made_from(paths, settings, arguments.code, versions)
    train, val = (read_task(path, arguments.task) for path in paths)
    found = choose(arguments.task, settings, train, val)
    require_unchanged(origin)
    write_json(arguments.output, found.model_dump())
    write_manifest(arguments.manifest or manifest_of(arguments.output), origin, [arguments.output])


def modules(arguments: argparse.Namespace) -> tuple[str, ...]:
    """The modules of the task's answer and metric."""
    return task_modules(read_settings(arguments.settings, ChooseSettings).task)


def command_line() -> argparse.ArgumentParser:
    """The options of this script."""
    parser = argparse.ArgumentParser(description=__doc__, epilog=AS_IN_A_RUN)
    add = parser.add_argument
    add("--task", required=True, help="code of the task, for example QPR")
    add("--train", type=Path, required=True, help="dataset file with training records")
    add("--val", type=Path, required=True, help="dataset file with validation records")
    add("--settings", required=True, help="JSON or @FILE: the task, and the baselines by name")
    add("--output", type=output_file, required=True, help="file to write (JSON)")
    add_manifest_options(parser)
    return parser


if __name__ == "__main__":
    run_script(as_planned(main, __file__, modules), command_line())
