"""The texts of `make new`: what the records are, and which commands follow."""

import json
import math
import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from string import ascii_uppercase

from ecslm.common.text import number_of
from ecslm.data.report import Count, Report
from ecslm.schemas.record import Split
from ecslm.schemas.task import METRICS, Answer
from ecslm.starter.study import BASE, TUNED, Start, Task

ANSWERS: Mapping[Answer, str] = {
    "yes_no": "yes or no",
    "choice": "one of the options",
    "ranking": "an order of products",
    "extraction": "attributes and their values",
    "generation": "text",
}
# Kinds of answers of which each has a class, whose numbers are shown.
CLASSES = 6
# A share of right answers whose interval is told, and the normal quantile of 95 %.
SHARE, QUANTILE = 0.8, 1.96


def found_lines(start: Start, report: Report) -> Iterator[str]:
    """What the records are, task by task, as the check of the data counts them."""
    for task in start.tasks:
        yield from _task_lines(task, report.tasks.get(task.code, {}))
    left_out = sum(found.count for found in report.problems.values())
    if left_out:
        yield ""
        yield f"Left out, since an equal record comes before: {left_out}."
    if start.shares is not None:
        yield ""
        yield "The records do not say which are for tests, so the study divides them by their"
        yield "input. The same input is never on both sides, and a record stays where it is when"
        yield "you add others."
    if not start.tuned:
        yield ""
        yield "All records are for tests, so no model is tuned on them."


def _task_lines(task: Task, counts: Mapping[Split, Mapping[str, Count]]) -> Iterator[str]:
    tested = {name: count.records for name, count in counts.get("test", {}).items()}
    numbers = {
        split: sum(count.records for count in counts.get(split, {}).values())
        for split in ("train", "val", "test")
    }
    named = "" if task.seen.name == task.code else f" ({task.seen.name})"
    known = "" if task.known is None else f": {task.known.title}, a task of config.yaml"
    yield ""
    yield f"{task.code}{named}{known}"
    answers = [f"{count} {text}" for text, count in task.seen.answers.most_common()]
    counted = task.kind.answer in ("yes_no", "choice") and len(answers) <= CLASSES
    yield f"  answer   {ANSWERS[task.kind.answer]}{': ' + ', '.join(answers) if counted else ''}"
    trains = f"{numbers['train']} for training, {numbers['val']} for validation, "
    yield f"  records  {trains if task.trains else ''}{numbers['test']} for testing"
    score = SCORES.get(task.kind.metric, task.kind.metric)
    yield f"  score    {score}"
    if told := _precision(tested, task):
        yield f"           {told}"
    if task.known is None and task.seen.labels:
        yield from _as_options(task.seen.labels)


def _as_options(labels: Sequence[str]) -> Iterator[str]:
    """How to turn answers that are compared as texts into options."""
    options = [f"{letter}: {text}" for letter, text in zip(ascii_uppercase, labels, strict=False)]
    fields = json.dumps({"options": options, "output": "A"}, ensure_ascii=False)[1:-1]
    yield f"  note     only {len(labels)} different answers. To score each as right or wrong,"
    yield "           make them options: in each record, with the letter of its own answer,"
    yield f"           {fields}"


# What a score is, where the name of its metric does not say it.
SCORES = {
    "binary_f1": "F1 of the answer yes",
    "macro_f1": "F1, the mean of the options",
    "accuracy": "share of right answers",
    "hit_rate": "share of right answers",
    "ndcg": "NDCG, how close the order is to the right one",
    "extraction_f1": "F1 of the attributes found",
    "bert_f1": "similarity of meaning (BERTScore)",
}


def _precision(tested: Mapping[str, int], task: Task) -> str:
    """How well a share of right answers can be known, where a record is right or wrong."""
    records = min(tested.values(), default=0)
    if not records or not (METRICS[task.kind.metric].classes or task.kind.metric == "hit_rate"):
        return ""
    half = QUANTILE * math.sqrt(SHARE * (1 - SHARE) / records)
    return (
        f"with {number_of(records, 'test record')}, a share of {SHARE} right answers is known to "
        f"within {half:.2f}"
    )


def as_json_lines(table: Path) -> str:
    """The command that makes JSON Lines of a table, whose first line shows what stands between its
    columns: spreadsheets of some countries write `;`."""
    with table.open(encoding="utf-8", errors="replace") as stream:
        between = max(",;\t", key=stream.readline().count)
    read, written = json.dumps(str(table)), json.dumps(str(table.with_suffix(".jsonl")))
    code = f"import pandas; pandas.read_csv({read}, dtype=str, sep={json.dumps(between)})"
    code += f'.to_json({written}, orient="records", lines=True)'
    return shlex.join([".venv/bin/python", "-c", code])


def next_lines(start: Start, written: Path) -> Iterator[str]:
    """Commands that follow, each with what it does."""
    option = f"CONFIGFILE={shlex.quote(str(written))}"
    results = f"results/{start.name}"
    commands = {f"make check {option}": "after an edit of the file"}
    commands[f"make reproduce {option}"] = f"the study: {results}/report.html"
    if start.tuned:
        commands[f"make export {option}"] = f"the tuned model: {results}/exports"
    width = max(map(len, commands))
    yield from (f"  {command:<{width}}  {what}" for command, what in commands.items())
    model = TUNED if start.tuned else BASE
    yield (
        f"  .venv/bin/python scripts/ask.py --configfile {shlex.quote(str(written))} "
        f"--model {model} --task {start.tasks[0].code}"
    )
