"""The texts of `make new`: what the records are, and which commands follow."""

import json
import math
import shlex
from collections.abc import Mapping
from pathlib import Path
from string import ascii_uppercase

from ecslm.common.text import number_of
from ecslm.data.report import Count, Report
from ecslm.schemas.record import Split
from ecslm.schemas.task import METRICS, Answer
from ecslm.starter.study import BASE, TUNED, Start, Task, rendered

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


def told(start: Start, report: Report, written: Path, check: str) -> str:
    """What the records are, task by task, as the check of the data counts them; whether the study
    can run; and the commands that follow.

    Args:
        written: the file of the study.
        check: what is told of a run.
    """
    option, results = f"CONFIGFILE={shlex.quote(str(written))}", f"results/{start.name}"
    commands = [
        (f"make check {option}", "after an edit of the file"),
        (f"make reproduce {option}", f"the study: {results}/report.html"),
    ]
    if start.tuned:
        commands.append((f"make export {option}", f"the tuned model: {results}/exports"))
    return rendered(
        "begun.txt.jinja",
        start=start,
        tasks=[(task, _seen(task, report.tasks.get(task.code, {}))) for task in start.tasks],
        left_out=sum(found.count for found in report.problems.values()),
        file=written,
        quoted=shlex.quote(str(written)),
        check=check,
        commands=commands,
        width=max(len(command) for command, _ in commands),
        model=TUNED if start.tuned else BASE,
    )


def _seen(task: Task, counts: Mapping[Split, Mapping[str, Count]]) -> dict[str, object]:
    """What is told of a task beside its name."""
    splits: tuple[Split, ...] = ("train", "val", "test")
    records: dict[str, object] = {
        split: sum(count.records for count in counts.get(split, {}).values()) for split in splits
    }
    answers = [f"{count} {text}" for text, count in task.seen.answers.most_common()]
    counted = task.kind.answer in ("yes_no", "choice") and len(answers) <= CLASSES
    # How well a share of right answers can be known, where a record is right or wrong.
    tested = min((count.records for count in counts.get("test", {}).values()), default=0)
    right_or_wrong = METRICS[task.kind.metric].classes or task.kind.metric == "hit_rate"
    half = QUANTILE * math.sqrt(SHARE * (1 - SHARE) / max(tested, 1))
    # How to turn answers that are compared as texts into options.
    labels = [] if task.known else task.seen.labels
    options = [f"{letter}: {text}" for letter, text in zip(ascii_uppercase, labels, strict=False)]
    fields = json.dumps({"options": options, "output": "A"}, ensure_ascii=False)[1:-1]
    return {
        **records,
        "answer": f"{ANSWERS[task.kind.answer]}{': ' + ', '.join(answers) if counted else ''}",
        "score": SCORES.get(task.kind.metric, task.kind.metric),
        "share": SHARE,
        "tested": number_of(tested, "test record"),
        "within": half if tested and right_or_wrong else None,
        "options": fields if options else "",
    }


def as_json_lines(table: Path) -> str:
    """The command that makes JSON Lines of a table, whose first line shows what stands between its
    columns: spreadsheets of some countries write `;`."""
    with table.open(encoding="utf-8", errors="replace") as stream:
        between = max(",;\t", key=stream.readline().count)
    read, written = json.dumps(str(table)), json.dumps(str(table.with_suffix(".jsonl")))
    code = f"import pandas; pandas.read_csv({read}, dtype=str, sep={json.dumps(between)})"
    code += f'.to_json({written}, orient="records", lines=True)'
    return shlex.join([".venv/bin/python", "-c", code])
