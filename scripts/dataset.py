"""Build one dataset file: the records of one task and split, from the study's data source.

example, for a file of your own with the columns task, instruction, input and output:
  python scripts/dataset.py --task SA --split test --output test.jsonl --settings '{"source":
      {"source": "path", "path": "mine.jsonl"}, "aliases": [], "answer": "choice", "settings":
      ["IND_Diverse_Instruction"]}'
"""

from typing import Literal

from ecslm.common.files import json_line
from ecslm.data.labels import read_labels
from ecslm.data.records import build_records
from ecslm.data.settings import DatasetSettings
from ecslm.data.source import PlannedSource
from ecslm.script import Origin, OutputFile, job, run_script


@job()
def main(
    origin: Origin,
    data: PlannedSource,
    task: str,
    split: Literal["train", "val", "test"],
    output: OutputFile,
) -> None:
    """
    Args:
        task: task code, for example QPR
        split: split to build
        output: dataset file (JSON Lines) to write
    """
    known = data.read(DatasetSettings)
    source, names = known.source, frozenset((task, *known.aliases))
    raw = data.rows(source, lambda rows: rows.content(names, split))
    raw.misplaced.raise_unless(source.tolerate)
    ranked = known.answer == "ranking" and split == "test"
    labels = read_labels(source.labels if ranked else None)
    records = build_records(raw.rows(raw.of(names, split)), task, split, known, labels)
    # No inputs: `content` ties the file to its own rows, since the source has rows of other files.
    origin.made_with(known, content=data.content)
    origin.writes({output: map(json_line, records)})


if __name__ == "__main__":
    run_script(main)
