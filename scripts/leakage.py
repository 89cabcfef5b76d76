"""Measure the overlap of a task's test records with the training records.

example:
  python scripts/leakage.py --task SA --train results/demo/dataset/SA/train.jsonl \\
      --test results/demo/dataset/SA/test.jsonl --output overlap.json
"""

from collections.abc import Sequence
from pathlib import Path

from ecslm.data.leakage import leakage
from ecslm.data.settings import LEAKAGE_LIBRARIES
from ecslm.schemas.record import read_records, read_task
from ecslm.script import Origin, OutputFile, job, run_script


@job(LEAKAGE_LIBRARIES)
def main(
    origin: Origin,
    task: str,
    test: Path,
    train: Path,
    output: OutputFile,
    other_train: Sequence[Path] = (),
) -> None:
    """
    Args:
        task: code of the task, for example QPR
        test: dataset file of the task's test rows
        train: dataset file of the task's training rows
        output: report to write (JSON)
        other_train: dataset files of other tasks' training rows, whose queries are compared too
    """
    origin.reads(test, train, *other_train)
    report = leakage(read_task(test, task), read_task(train, task), read_records(*other_train))
    origin.writes({output: report})


if __name__ == "__main__":
    run_script(main)
