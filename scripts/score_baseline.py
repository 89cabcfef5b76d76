"""Score a trivial baseline of one task on its dataset files, without a model."""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import get_args

from ecslm.common.cli import read_settings, run_script
from ecslm.common.errors import InputError, Problem
from ecslm.common.files import read_jsonl
from ecslm.common.manifests import verify_result
from ecslm.fingerprint.running import as_planned
from ecslm.schemas.record import Record
from ecslm.schemas.registry import registered_kind
from ecslm.schemas.task import TaskKind
from ecslm.scoring.baselines import (
    Baseline,
    answers_of,
    applicable,
    as_prediction,
    is_expectation,
    majority_label,
    never_yes,
)
from ecslm.scoring.files import (
    add_output_options,
    refuse_overwriting,
    score_origin,
    write_scores,
)
from ecslm.scoring.modules import task_modules
from ecslm.scoring.predictions import problems
from ecslm.scoring.score import Row, score, score_expected
from ecslm.scoring.settings import ScriptSettings

EPILOG = """\
example:
  %(prog)s --baseline majority --task SA --train results/demo/dataset/SA/train.jsonl \\
      --test results/demo/dataset/SA/test.jsonl --output M.json
"""


def main(arguments: argparse.Namespace) -> None:
    """Read the records, answer them like the baseline, score, write metrics and outcomes."""
    refuse_overwriting(arguments, test=arguments.test, train=arguments.train)
    settings = read_settings(arguments.settings, ScriptSettings)
    task, scoring = settings.task or registered_kind(arguments.task), settings.scoring
    origin = score_origin(arguments, arguments.test, arguments.train)
    baseline: Baseline = arguments.baseline
    if baseline not in applicable(task):
        names = ", ".join(applicable(task))
        known = f"choose one of {names}" if names else "it has no trivial baselines"
        raise InputError(f"--baseline {baseline}: not applicable to {arguments.task}: {known}")
    majority = ""
    if baseline == "majority":
        if arguments.train is None:
            raise InputError("--train: required for majority: give the training dataset file")
        majority = majority_label(scorable_records(arguments.train, arguments.task, task), task)
    alternatives = [
        [as_prediction(record, text) for text in answers_of(baseline, record, task, majority)]
        for record in scorable_records(arguments.test, arguments.task, task)
    ]
    row = Row(arguments.task, model=baseline, seed=0)
    if is_expectation(baseline):
        scores = score_expected(alternatives, row, task)
    else:
        certain = never_yes(baseline, task, majority)
        scores = score([only for (only,) in alternatives], row, task, scoring, certain=certain)
    write_scores(scores, arguments, origin, ScriptSettings(task=task, scoring=scoring))


def scorable_records(path: Path, code: str, task: TaskKind) -> list[Record]:
    """Read the records of a dataset file, checked to be of the task with valid references."""

    def check(rows: Sequence[tuple[int, Record]]) -> Iterator[Problem]:
        # The `reference` of a prediction is the `output` of a record.
        for problem in problems([(i, as_prediction(row)) for i, row in rows], code, task):
            yield replace(problem, field="output") if problem.field == "reference" else problem

    verify_result(path)
    records = read_jsonl(path, Record, check)
    if not records:
        raise InputError(f"{path}: no records")
    return records


def modules(arguments: argparse.Namespace) -> tuple[str, ...]:
    """The modules of the task's answer and metric."""
    return task_modules(read_settings(arguments.settings, ScriptSettings).task)


def command_line() -> argparse.ArgumentParser:
    """The options of this script."""
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--baseline",
        required=True,
        choices=get_args(Baseline),
        help="what answers: always the same, the most frequent class of training, at random (the "
        "expected score), the products as they are listed, or no value for any attribute",
    )
    parser.add_argument("--task", required=True, help="code of the task, for example QPR")
    parser.add_argument("--train", type=Path, help="training dataset file, for majority")
    parser.add_argument("--test", type=Path, required=True, help="test dataset file")
    add_output_options(parser)
    parser.add_argument(
        "--settings",
        help='JSON or @FILE: {"task": {...}, "scoring": {...}} (default: the task in config.yaml, '
        "and the default scoring settings)",
    )
    return parser


if __name__ == "__main__":
    run_script(as_planned(main, __file__, modules), command_line())
