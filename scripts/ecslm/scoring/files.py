"""Output files of the two score scripts: metrics, outcomes, and their manifest."""

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
from ecslm.common.usage import output_file
from ecslm.common.versions import installed_versions, require_locked
from ecslm.schemas.paths import RECORDS
from ecslm.scoring.score import Scores
from ecslm.scoring.settings import LIBRARIES, ScriptSettings


def add_output_options(parser: argparse.ArgumentParser, required: bool = True) -> None:
    """Add the options for output files; if not `required`, the script may write none."""
    parser.add_argument(
        "--output", type=output_file, required=required, help="metrics file to write (JSON)"
    )
    parser.add_argument(
        "--records",
        type=output_file,
        help="outcomes file to write, one line per record (default: OUTPUT with .records.jsonl)",
    )
    add_manifest_options(parser)


def refuse_overwriting(arguments: argparse.Namespace, **inputs: Path | None) -> None:
    """Refuse outputs that would overwrite `inputs`, named like their options, or each other.

    Raises:
        InputError: a file would be overwritten.
    """
    output, records, manifest = output_files(arguments)
    refuse_replaced(
        {f"--{option}": path for option, path in inputs.items()},
        {"--output": output, "--records": records},
        manifest,
    )


def output_files(arguments: argparse.Namespace) -> tuple[Path, Path, Path]:
    """Paths of metrics, outcomes and manifest."""
    output: Path = arguments.output
    records = arguments.records or output.with_suffix(RECORDS)
    return output, records, arguments.manifest or manifest_of(output)


def score_origin(arguments: argparse.Namespace, *inputs: Path | None) -> dict[str, Any]:
    """What the scores are made from, except settings; call it before reading the inputs.

    A missing input is skipped here: reading it reports the error.

    Raises:
        InputError: `--code` is given, as by the workflow, but libraries differ from the lock file.
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
    """Write the files that `arguments` name; `origin` is the value of `score_origin`.

    Raises:
        InputError: an input has changed since then.
    """
    output, records, manifest = output_files(arguments)
    origin = {**origin, "settings": settings.model_dump(mode="json")}
    require_unchanged(origin)
    write_jsonl(records, scores.outcomes)
    write_json(output, scores.metrics.model_dump())
    write_manifest(manifest, origin, [output, records])
