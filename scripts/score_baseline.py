"""Score a trivial baseline of one task on its dataset files, without a model.

example:
  python scripts/score_baseline.py --baseline majority --task SA --output M.json \\
      --train results/demo/dataset/SA/train.jsonl --test results/demo/dataset/SA/test.jsonl
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from ecslm.common.errors import InputError, Problem
from ecslm.common.rows import read_rows
from ecslm.schemas.record import Record
from ecslm.schemas.task import TaskKind
from ecslm.scoring.baselines import Baseline, answers_of, applicable, as_prediction
from ecslm.scoring.predictions import problems
from ecslm.scoring.score import majority_label, score_baseline
from ecslm.scoring.settings import ScriptSettings
from ecslm.script import Origin, OutputFile, job, run_script


@job()
def main(
    origin: Origin,
    baseline: Baseline,
    task: str,
    test: Path,
    output: OutputFile,
    settings: ScriptSettings,
    train: Path | None = None,
    records: OutputFile | None = None,
) -> None:
    """
    Args:
        baseline: what answers: always the same, the most frequent class of training, at random (the
            expected score), the products as they are listed, or no value for any attribute
        task: code of the task, for example QPR
        test: test dataset file
        output: metrics file to write (JSON)
        settings: JSON or @FILE: {"task": {...}, "scoring": {...}} (default: the task in
            config.yaml, and the default scoring settings)
        train: training dataset file, for majority
        records: outcomes file to write, one line per record (default: OUTPUT with .records.jsonl)
    """
    kind = settings.kind_of(task)
    origin.reads(test, train)
    if baseline not in (names := applicable(kind)):
        known = ", ".join(names) or "none"
        raise InputError(f"--baseline {baseline}: not applicable to {task}, which has: {known}")
    if baseline == "majority" and train is None:
        raise InputError("--train: required for majority: give the training dataset file")
    majority = majority_label(scorable_records(train, task, kind), kind) if train else ""
    alternatives = [
        [as_prediction(record, text) for text in answers_of(baseline, record, kind, majority)]
        for record in scorable_records(test, task, kind)
    ]
    scores = score_baseline(baseline, alternatives, kind, settings.scoring)
    origin.made_with(settings.model_copy(update={"task": kind}))
    origin.writes(scores.files(output, records))


def scorable_records(path: Path, code: str, task: TaskKind) -> list[Record]:
    """Read the records of a dataset file, checked to be of the task with valid references."""

    def check(rows: Sequence[tuple[int, Record]]) -> Iterator[Problem]:
        # The `reference` of a prediction is the `output` of a record.
        for problem in problems([(i, as_prediction(row)) for i, row in rows], code, task):
            yield replace(problem, field="output") if problem.field == "reference" else problem

    return [record for _, record in read_rows(path, Record, check, "records")]


if __name__ == "__main__":
    run_script(main)
