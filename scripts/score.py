"""Score the predictions of one task: metrics with intervals, and the outcome of each record."""

import argparse
from pathlib import Path

from ecslm.bertscore_row import BertScoreRow
from ecslm.files import InputError, run_script
from ecslm.generation.prediction import Prediction
from ecslm.score_files import add_output_options, write_scores
from ecslm.scoring import Row, score
from ecslm.scoring_input import ScriptSettings, read_bertscores, read_scorable, settings_of
from ecslm.tasks import TaskKind


def main(arguments: argparse.Namespace) -> None:
    """Read the predictions, score them, write metrics and outcomes."""
    task, scoring = settings_of(arguments.settings, arguments.task)
    predictions = read_scorable(arguments.predictions, arguments.task, task)
    bertscores = bertscores_of(arguments, task, predictions)
    row = Row(arguments.task, arguments.model, arguments.seed)
    scores = score(predictions, row, task, scoring, bertscores)
    inputs = [path for path in (arguments.predictions, arguments.bertscore) if path]
    write_scores(scores, arguments, inputs, ScriptSettings(task=task, scoring=scoring))


def bertscores_of(
    arguments: argparse.Namespace, task: TaskKind, predictions: list[Prediction]
) -> list[BertScoreRow]:
    """The rows of `--bertscore`, which the tasks scored by BERTScore need and no others take."""
    if task.metric == "bert_f1" and arguments.bertscore is None:
        raise InputError(
            f"--bertscore: {arguments.task} needs it; make the file with: python "
            f"scripts/bertscore.py --predictions {arguments.predictions} "
            "--encoder DIR/manifest.json --output B.jsonl"
        )
    if task.metric != "bert_f1" and arguments.bertscore is not None:
        raise InputError(f"--bertscore: {arguments.task} is scored by {task.metric}, without it")
    return read_bertscores(arguments.bertscore, predictions) if arguments.bertscore else []


def command_line() -> argparse.ArgumentParser:
    """The options of this script."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--task", required=True, help="code of the task, for example QPR")
    parser.add_argument("--predictions", type=Path, required=True, help="predictions file (JSONL)")
    add_output_options(parser)
    parser.add_argument(
        "--bertscore", type=Path, help="rows of scripts/bertscore.py; for generation tasks"
    )
    parser.add_argument("--model", help="name of the model, noted in the metrics file")
    parser.add_argument("--seed", type=int, help="seed of the adapter, noted in the metrics file")
    parser.add_argument(
        "--settings",
        help='JSON or @file: {"task": {...}, "scoring": {...}}; default: the task of config.yaml '
        "and the schema's scoring settings",
    )
    return parser


if __name__ == "__main__":
    run_script(main, command_line())
