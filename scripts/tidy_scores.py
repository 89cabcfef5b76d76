"""Collect a study's scores as tidy rows: one for each model, seed, task, setting and protocol."""

import argparse
from pathlib import Path

from ecslm.common.cli import read_settings, run_script
from ecslm.common.files import write_bytes, write_text
from ecslm.common.manifests import (
    add_manifest_options,
    made_from,
    manifest_of,
    require_unchanged,
    write_manifest,
)
from ecslm.common.usage import AS_IN_A_RUN, output_file
from ecslm.common.versions import installed_versions, require_locked
from ecslm.exports.score_rows import LIBRARIES, ScoreRowsSettings, score_files
from ecslm.exports.tidy_scores import as_csv, as_parquet, score_frame, score_rows
from ecslm.fingerprint.running import as_planned


def main(arguments: argparse.Namespace) -> None:
    """Read the scores and write both files."""
    settings = read_settings(arguments.settings, ScoreRowsSettings)
    inputs = [arguments.results / path for path in score_files(settings)]
    versions = require_locked(LIBRARIES) if arguments.code else installed_versions(LIBRARIES)
    origin = made_from(inputs, settings, arguments.code, versions)
    frame = score_frame(score_rows(settings, arguments.results))
    require_unchanged(origin)
    write_text(arguments.csv, as_csv(frame))
    write_bytes(arguments.parquet, as_parquet(frame))
    manifest = arguments.manifest or manifest_of(arguments.csv)
    write_manifest(manifest, origin, [arguments.csv, arguments.parquet])


def command_line() -> argparse.ArgumentParser:
    """The options of this script."""
    parser = argparse.ArgumentParser(description=__doc__, epilog=AS_IN_A_RUN)
    add = parser.add_argument
    add("--settings", required=True, help="the study's models and baselines: JSON or @FILE")
    add(
        "--results",
        required=True,
        type=Path,
        help="results directory of the study, as results/demo",
    )
    add("--csv", required=True, type=output_file, help="CSV file to write")
    add("--parquet", required=True, type=output_file, help="Parquet file to write")
    add_manifest_options(parser)
    return parser


if __name__ == "__main__":
    run_script(as_planned(main, __file__), command_line())
