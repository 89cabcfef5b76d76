"""The files of a score, which both score scripts write: metrics, outcomes, and their manifest."""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ecslm.common.files import write_json, write_jsonl
from ecslm.common.manifests import (
    add_manifest_options,
    made_from,
    manifest_of,
    refuse_replaced,
    require_unchanged,
    write_manifest,
)
from ecslm.common.versions import installed_versions, require_locked
from ecslm.schemas.paths import RECORDS
from ecslm.scoring.score import Scores
from ecslm.scoring.settings import LIBRARIES, ScriptSettings


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


def refuse_lost_files(arguments: argparse.Namespace, **inputs: Path | None) -> None:
    """Refuse outputs that would replace `inputs`, named as their options, or one another.

    Raises:
        InputError: a file would be lost.
    """
    output, records, manifest = output_files(arguments)
    refuse_replaced(
        {f"--{option}": path for option, path in inputs.items()},
        {"--output": output, "--records": records},
        manifest,
    )


def output_files(arguments: argparse.Namespace) -> tuple[Path, Path, Path]:
    """Where metrics, outcomes and manifest go."""
    output: Path = arguments.output
    records = arguments.records or output.with_suffix(RECORDS)
    return output, records, arguments.manifest or manifest_of(output)


def score_origin(arguments: argparse.Namespace, *inputs: Path | None) -> dict[str, Any]:
    """What the scores are made from, settings aside; called before the inputs are read.

    What reads a missing one says whether it is needed.

    Raises:
        InputError: a job of the workflow, which gives `--code`, runs with other libraries than the
            lock file's.
    """
    versions = require_locked(LIBRARIES) if arguments.code else installed_versions(LIBRARIES)
    present = [path for path in inputs if path and path.is_file()]
    return made_from(present, {}, arguments.code, versions)


def write_scores(
    scores: Scores,
    arguments: argparse.Namespace,
    origin: Mapping[str, Any],
    settings: ScriptSettings,
) -> None:
    """Write the files where `arguments` say; `origin` is what `score_origin` has given.

    Raises:
        InputError: an input has changed since then.
    """
    output, records, manifest = output_files(arguments)
    origin = {**origin, "settings": settings.model_dump(mode="json")}
    require_unchanged(origin)
    write_jsonl(records, scores.outcomes)
    write_json(output, scores.metrics.model_dump())
    write_manifest(manifest, origin, [output, records])
