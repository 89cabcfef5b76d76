"""Build one dataset file: the records of one task and split, from the study's data source.

example, for a file of your own with the columns task, instruction, input and output:
  python scripts/dataset.py --task SA --split test --output test.jsonl --settings '{"source":
      {"source": "path", "path": "mine.jsonl"}, "aliases": [], "answer": "choice", "settings":
      ["IND_Diverse_Instruction"]}'
"""

import importlib
from argparse import Namespace
from pathlib import Path
from typing import Literal

from tqdm import tqdm

from ecslm.common.files import json_line
from ecslm.data.cleaning import build_records
from ecslm.data.content import content_of_split, require_content
from ecslm.data.location import JsonObject, located
from ecslm.data.settings import DatasetSettings
from ecslm.data.sources.protocol import RawRows, rows_of, source_module
from ecslm.schemas.paths import CACHE
from ecslm.script import Origin, OutputFile, job, run_script


def modules(given: Namespace) -> tuple[str, ...]:
    """The module of the source's reader."""
    return (source_module(located(given.settings, given.location, DatasetSettings).source.source),)


@job(modules=modules)
def main(
    origin: Origin,
    task: str,
    split: Literal["train", "val", "test"],
    settings: JsonObject,
    output: OutputFile,
    cache: Path = CACHE,
    content: str | None = None,
    location: JsonObject | None = None,
) -> None:
    """
    Args:
        task: task code, for example QPR
        split: split to build
        settings: source, names and settings: JSON or @FILE
        output: dataset file (JSON Lines) to write
        cache: cache directory for indexes of the source
        content: set by a run: digest of the rows, which is recorded: other rows are refused, and
            those in the cache are taken without reading the source
        location: where the source's files are, if --settings does not say it: JSON or @FILE, for
            example {"path": "data.jsonl"}
    """
    known = located(settings, location, DatasetSettings)
    module = source_module(known.source.source)
    names = frozenset((task, *known.aliases))

    def is_current(rows: RawRows) -> bool:
        if rows.problems().lines(known.source.tolerate):
            return False  # the source may have been fixed since
        return content == content_of_split(rows, names, split)

    raw = importlib.import_module(module).open_rows(known.source, cache, is_current)
    require_content(content, content_of_split(raw, names, split))
    raw.problems().raise_unless(known.source.tolerate)
    rows = tqdm(rows_of(raw, names, split), desc="Records", unit="row", disable=None)
    labels = raw.labels() if known.answer == "ranking" and split == "test" else None
    # No inputs: `content` ties the file to its own rows, since the source has rows of other files.
    origin.fields |= {"settings": known.model_dump(mode="json"), "content": content}
    origin.writes({output: map(json_line, build_records(rows, task, split, known, labels))})


if __name__ == "__main__":
    run_script(main)
