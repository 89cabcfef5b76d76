"""Score the predictions of one task: metrics with intervals, and the outcome of each record.

Prints a summary; writes files if --output is given.
"""

import argparse
import json
import shutil
from importlib import import_module
from pathlib import Path

from ecslm.common.cli import read_settings, run_script
from ecslm.common.errors import InputError
from ecslm.fingerprint.running import as_planned
from ecslm.schemas.bertscore import BertScoreRow
from ecslm.schemas.task import BERTSCORE_METRICS
from ecslm.scoring.bertscore.reading import read_bertscores
from ecslm.scoring.files import (
    add_output_options,
    refuse_overwriting,
    score_origin,
    write_scores,
)
from ecslm.scoring.known_records import read_known_records
from ecslm.scoring.modules import task_modules
from ecslm.scoring.predictions import Scorable, read_scorable
from ecslm.scoring.score import Row, Scores, score
from ecslm.scoring.settings import ScriptSettings

EPILOG = """\
A predictions file has one JSON object per line. Your own file needs two fields:
  prediction     the raw text
  reference      the correct answer
and, for some tasks:
  options        for a choice: a list such as ["A: positive", "B: negative"]
  relevance      for a ranking: the labels E, S, C or I of the products, in order
Others are optional and may be null:
  task           code of the task, for example QPR (default: --task)
  setting        scores are grouped by it (default: IND_Diverse_Instruction)
  id             unique name of the line (default: its number)
  sample_id      used to pair the answers of two models (default: id; without
                 either, files are paired by line: keep their lines in one order)
  finish_reason  stop, length if the answer was cut off, or content_filter if it was withheld
  prompt_sha256, prompt_tokens, generated_tokens
                 written by predict.py; they do not affect scores

examples:
  %(prog)s --task QPR --predictions P.jsonl
  %(prog)s --predictions P.jsonl --show-invalid
  %(prog)s --predictions P.jsonl --dataset results/demo/dataset/PM/test.jsonl
  %(prog)s --predictions P.jsonl --json > M.json
  %(prog)s --predictions P.jsonl --output M.json
"""

# Characters per line of the summary if stdout is not a terminal.
WIDTH = 100


def main(arguments: argparse.Namespace) -> None:
    """Read the predictions, score them, write metrics and outcomes, print the scores."""
    check_files(arguments)
    settings = read_settings(arguments.settings, ScriptSettings)
    inputs = (arguments.predictions, arguments.bertscore, arguments.dataset)
    origin = score_origin(arguments, *inputs) if arguments.output else None
    known = read_known_records(arguments.dataset) if arguments.dataset else None
    given = read_scorable(arguments.predictions, arguments.task, settings, known)
    bertscores = bertscores_of(arguments, given)
    row = Row(given.code, arguments.model, arguments.seed)
    scores = score(given.predictions, row, given.task, settings.scoring, bertscores)
    if origin is not None:
        made_by = ScriptSettings(task=given.task, scoring=settings.scoring)
        write_scores(scores, arguments, origin, made_by)
    print(as_json(scores) if arguments.json else as_text(arguments, given, scores))


def check_files(arguments: argparse.Namespace) -> None:
    """Refuse options for files if none are written, and files that would overwrite others."""
    options = [name for name in ("records", "manifest", "code") if getattr(arguments, name)]
    if options and not arguments.output:
        raise InputError(
            *(f"--{name}: nothing is written without --output: add it" for name in options)
        )
    if arguments.output:
        inputs = {
            name: getattr(arguments, name) for name in ("predictions", "bertscore", "dataset")
        }
        refuse_overwriting(arguments, **inputs)


def bertscores_of(arguments: argparse.Namespace, given: Scorable) -> list[BertScoreRow]:
    """The rows of `--bertscore`, required for tasks with BERTScore and refused for others."""
    needed = given.task.metric in BERTSCORE_METRICS
    if needed and arguments.bertscore is None:
        raise InputError(
            f"--bertscore: required for {given.code}; write the file with: python "
            f"scripts/bertscore.py --predictions {arguments.predictions} "
            "--encoder DIR/manifest.json --output B.jsonl"
        )
    if not needed and arguments.bertscore is not None:
        raise InputError(f"--bertscore: not used: {given.code} is scored by {given.task.metric}")
    if arguments.bertscore is None:
        return []
    return read_bertscores(arguments.bertscore, arguments.predictions, given.predictions)


def as_json(scores: Scores) -> str:
    """The content of the metrics file."""
    return json.dumps(scores.metrics.model_dump(), indent=2, ensure_ascii=False, allow_nan=False)


def as_text(arguments: argparse.Namespace, given: Scorable, scores: Scores) -> str:
    """The summary, with the invalid answers if requested."""
    # No result depends on the summary: the code digest leaves it out. Loaded by name, because jobs
    # need not load it.
    report = import_module("ecslm.reports.score_summary")
    text: str = report.summary(scores.metrics)
    if arguments.show_invalid:
        width = shutil.get_terminal_size((WIDTH, 0)).columns
        text += "\n\n" + report.invalid_answers(given.predictions, scores.outcomes, width)
    return text


def modules(arguments: argparse.Namespace) -> tuple[str, ...]:
    """The modules of the task's answer and metric."""
    return task_modules(read_settings(arguments.settings, ScriptSettings).task)


def command_line() -> argparse.ArgumentParser:
    """The options of this script."""
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--predictions", type=Path, required=True, help="predictions file (JSONL)")
    add(
        "--task",
        help="code of the task, for example QPR (default: the task in the predictions)",
    )
    add(
        "--dataset",
        type=Path,
        help="test dataset file, all of which the predictions must answer",
    )
    add("--bertscore", type=Path, help="output of scripts/bertscore.py, for generation tasks")
    shown = parser.add_mutually_exclusive_group()
    shown.add_argument("--json", action="store_true", help="print the metrics as JSON instead")
    shown.add_argument("--show-invalid", action="store_true", help="list the invalid answers")
    add_output_options(parser, required=False)
    add("--model", help="name of the model, recorded in the metrics")
    add("--seed", type=int, help="seed of the adapter, recorded in the metrics")
    add(
        "--settings",
        help='JSON or @FILE: {"task": {...}, "scoring": {...}} (default: the task in config.yaml, '
        "and the default scoring settings)",
    )
    return parser


if __name__ == "__main__":
    run_script(as_planned(main, __file__, modules), command_line())
