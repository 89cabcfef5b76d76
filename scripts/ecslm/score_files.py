"""The files of a score, which both score scripts write: metrics, outcomes, and their manifest."""

import argparse
from collections.abc import Iterable
from pathlib import Path

from ecslm.files import installed_versions, require_locked, write_json, write_jsonl
from ecslm.manifests import add_manifest_options, made_from, manifest_of, write_manifest
from ecslm.scoring import Scores
from ecslm.scoring_input import ScriptSettings
from ecslm.scoring_settings import LIBRARIES


def add_output_options(parser: argparse.ArgumentParser, required: bool = True) -> None:
    """The options that say where the files go; unless `required`, nothing need be written."""
    parser.add_argument(
        "--output", type=Path, required=required, help="metrics file to write (JSON)"
    )
    parser.add_argument(
        "--records",
        type=Path,
        help="file of outcomes per record to write; default: OUTPUT's name with .records.jsonl",
    )
    add_manifest_options(parser)


def write_scores(
    scores: Scores, arguments: argparse.Namespace, inputs: Iterable[Path], settings: ScriptSettings
) -> None:
    """Write the files where `arguments` say; `inputs` is what the scores were made from.

    Raises:
        InputError: a job of the workflow, which gives `--code`, runs with other libraries than the
            lock file's.
    """
    output = arguments.output
    records = arguments.records or output.with_suffix(".records.jsonl")
    versions = require_locked(LIBRARIES) if arguments.code else installed_versions(LIBRARIES)
    origin = made_from(inputs, settings, arguments.code, versions)
    write_jsonl(records, scores.outcomes)
    write_json(output, scores.metrics)
    write_manifest(arguments.manifest or manifest_of(output), origin, [output, records])
