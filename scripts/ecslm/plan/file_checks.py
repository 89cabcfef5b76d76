"""Checks of the files that a study names, before anything runs: recorded answers, published scores,
prompt templates."""

import json
from collections.abc import Collection, Iterator
from functools import partial
from pathlib import Path

from ecslm.common.csv_rows import read_csv
from ecslm.common.errors import InputError, all_of
from ecslm.common.text import nearest
from ecslm.config.backends.recorded import RecordedModel
from ecslm.models.prompts import PromptTemplate
from ecslm.plan.study import Study
from ecslm.schemas.paths import PUBLISHED_SCORES
from ecslm.schemas.record import GivenRecord

# Columns of study.csv beside those of tasks.
OTHERS = ("table", "model", "doubled")


def check_files(study: Study) -> None:
    """Check files that others have made.

    Raises:
        InputError: a line for each problem: answers are missing, a published value is no score or
            of no task, a template is unsafe or shows no input.
    """

    models = study.settings.models.items()
    templates = {
        path: model.shots
        for name, model in models
        if model.run and (path := study.template(name)) is not None
    }
    all_of(
        partial(_check_answers, study),
        partial(_check_scores, study),
        *(partial(_check_template, Path(path), shots) for path, shots in templates.items()),
    )


def _check_answers(study: Study) -> None:
    problems = [
        problem
        for name, model in study.settings.models.items()
        if isinstance(model, RecordedModel) and model.path is not None and model.run
        for problem in _missing(study, name, model.path)
    ]
    if problems:
        raise InputError(*problems)


def _missing(study: Study, name: str, folder: str) -> Iterator[str]:
    """Files of a model's answers that are not where the configuration says."""
    where = f"studies.{study.name}.models.{name}"
    if not Path(folder).is_dir():
        yield f"{where}.path: {folder}: no such directory"
        return
    files = [file for task in study.model_tasks(name) for file in study.answer_files(name, task)]
    missing = [file for file in files if not Path(file).is_file()]
    if missing:
        more = f", nor {len(missing) - 1} more of {len(files)}" if len(missing) > 1 else ""
        yield (
            f"{where}.path: there is no {missing[0]}{more}: put it there, or name what the model "
            "has in `settings` and `tasks`"
        )


def _check_scores(study: Study) -> None:
    path = study.published(PUBLISHED_SCORES)
    if path is not None and (problems := [*_no_scores(path, study.config.tasks)]):
        raise InputError(*problems)


def _no_scores(path: str, tasks: Collection[str]) -> Iterator[str]:
    """Columns of the published scores that no table can show, and values that are no scores."""
    unknown: set[str] = set()
    for line, row in enumerate(read_csv(Path(path), OTHERS, OTHERS[:2]), start=2):
        doubled = row["doubled"].split()
        for column in sorted(row.keys() - {*OTHERS, *tasks} - unknown):
            unknown.add(column)
            yield f"{path}: line 1: {column}: the column is of no task{nearest(column, tasks)}"
        for task in row.keys() & {*tasks}:
            if row[task] and not _is_score(row[task], 2 if task in doubled else 1):
                yield (
                    f"{path}: line {line}: {task}: {row[task]} is no score: write a number from 0 "
                    "to 1, the best, with a point, or leave the field empty"
                )


def _is_score(text: str, most: int) -> bool:
    try:
        return 0 <= float(text) <= most
    except ValueError:
        return False


def _check_template(path: Path, shots: int) -> None:
    """Refuse a template that cannot be rendered, or whose prompts do not show the input."""
    template = PromptTemplate(path)
    shown = []
    for text in ("one", "two"):
        fields = {"input": json.dumps({"text": text}), "options": ["A: first", "B: second"]}
        example = json.dumps({**fields, "output": "A"}) if shots else None
        given = GivenRecord(instruction="Choose.", few_shot_example=example, **fields)
        shown.append(template.render(given.record("task", "id"), shots))
    if shown[0] == shown[1]:
        raise InputError(
            f"{path}: does not show the input of a record: write {{{{ input }}}} where it belongs"
        )
