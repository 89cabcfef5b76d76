"""Build one dataset file: the records of one task and split, from the study's data source."""

import argparse
import importlib
from pathlib import Path

from tqdm import tqdm

from ecslm.common.cli import run_script
from ecslm.common.files import write_jsonl
from ecslm.common.manifests import add_manifest_options, made_from, manifest_of, write_manifest
from ecslm.common.usage import output_file
from ecslm.data.cleaning import build_records
from ecslm.data.content import content_of_split, require_content
from ecslm.data.location import add_location_option, read_located
from ecslm.data.settings import DatasetSettings
from ecslm.data.sources.protocol import RawRows, rows_of, source_module
from ecslm.fingerprint.running import as_planned
from ecslm.schemas.paths import CACHE

EPILOG = """\
example, for a file of your own with the columns task, instruction, input and output:
  %(prog)s --task SA --split test --output test.jsonl --settings '{"source": {"source":
      "path", "path": "mine.jsonl"}, "aliases": [], "answer": "choice", "settings":
      ["IND_Diverse_Instruction"]}'
"""


def main(arguments: argparse.Namespace) -> None:
    """Load and check the records, write the file."""
    settings = read_located(arguments, DatasetSettings)
    (module,) = modules(arguments)
    names = frozenset((arguments.task, *settings.aliases))

    def is_current(rows: RawRows) -> bool:
        if rows.problems().lines(settings.source.tolerate):
            return False  # the source may have been fixed since
        return arguments.content == content_of_split(rows, names, arguments.split)

    source = importlib.import_module(module)
    raw = source.open_rows(settings.source, arguments.cache, is_current)
    require_content(arguments.content, content_of_split(raw, names, arguments.split))
    raw.problems().raise_unless(settings.source.tolerate)
    rows = tqdm(rows_of(raw, names, arguments.split), desc="Records", unit="row", disable=None)
    ranking = settings.answer == "ranking" and arguments.split == "test"
    labels = raw.labels() if ranking else None
    output = arguments.output
    write_jsonl(output, build_records(rows, arguments.task, arguments.split, settings, labels))
    # No inputs: `content` ties the file to its own rows, since the source has rows of other files.
    origin = made_from([], settings, arguments.code, versions={}) | {"content": arguments.content}
    write_manifest(arguments.manifest or manifest_of(output), origin, [output])


def modules(arguments: argparse.Namespace) -> tuple[str, ...]:
    """The module of the source's reader."""
    return (source_module(read_located(arguments, DatasetSettings).source.source),)


def command_line() -> argparse.ArgumentParser:
    """The options of this script."""
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--task", required=True, help="task code, for example QPR")
    add("--split", choices=("train", "val", "test"), required=True, help="split to build")
    add("--settings", required=True, help="source, names and settings: JSON or @FILE")
    add(
        "--cache",
        type=Path,
        default=CACHE,
        help="cache directory for indexes of the source (default: %(default)s)",
    )
    add("--output", type=output_file, required=True, help="dataset file (JSON Lines) to write")
    add(
        "--content",
        help="set by a run: digest of the rows, which is recorded: other rows are refused, and "
        "those in the cache are taken without reading the source",
    )
    add_location_option(parser)
    add_manifest_options(parser)
    return parser


if __name__ == "__main__":
    run_script(as_planned(main, __file__, modules), command_line())
