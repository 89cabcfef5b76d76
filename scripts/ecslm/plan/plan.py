"""The study to run with its data source, and all checks of what it asks for."""

import json
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ecslm.common.csv_rows import read_csv
from ecslm.common.errors import InputError, all_of
from ecslm.common.text import nearest
from ecslm.config.backends.recorded import RecordedModel
from ecslm.config.loading import read_config
from ecslm.config.schema import Config
from ecslm.models.prompts import PromptTemplate
from ecslm.plan.comparisons import warn_of_idle_contrasts
from ecslm.plan.model_checks import ModelChecks
from ecslm.plan.source import source_of
from ecslm.plan.study import Study
from ecslm.plan.tables import check_tables
from ecslm.schemas.paths import PUBLISHED_SCORES, TEMPLATES
from ecslm.schemas.record import GivenRecord
from ecslm.schemas.registry import CONFIG_FILE

log = logging.getLogger(__name__)

# Columns of study.csv beside those of tasks.
OTHERS = ("table", "model", "doubled")


def with_seeds(seeds: str | None) -> dict[str, Any]:
    """What goes over the files of a configuration for an option such as `--seeds 0,1,2`."""
    given = seeds.split(",") if seeds else []
    # Others are refused with the configuration.
    return {"seeds": [int(x) if x.isdecimal() else x for x in given]} if given else {}


class Plan:
    """A study, read and resolved."""

    def __init__(self, config: Config) -> None:
        self.study = Study(config)
        self.source = source_of(self.study)

    @classmethod
    def read(
        cls,
        configfiles: Sequence[Path],
        study: str | None,
        values: Mapping[str, Any] = MappingProxyType({}),
    ) -> "Plan":
        """The plan of a study, configured by config.yaml and further files.

        Args:
            values: what goes over the files.

        Raises:
            InputError: the configuration has problems.
        """
        return cls(read_config([CONFIG_FILE, *configfiles], study, TEMPLATES, values))

    def check(self) -> None:
        """Check what the configuration says against the files that it names, before anything runs.

        Of contrasts that compare nothing, and of a study that several files change, it only warns.

        Raises:
            InputError: all problems: a file of the data source is missing or cannot be read, the
                repository's files lack what a table names, a base what a model needs, or a file
                that others made is missing or wrong.
        """
        for line in self.study.config.changes:
            log.warning("warning: %s", line)
        try:
            all_of(
                self.source.check,
                lambda: check_tables(self.study),
                ModelChecks(self.study).check,
                lambda: check_files(self.study),
            )
        except InputError as error:
            raise self.study.config.with_places(error) from None
        warn_of_idle_contrasts(self.study)


def check_files(study: Study) -> None:
    """Check files that others have made.

    Raises:
        InputError: a line for each problem: answers are missing, a published value is no score or
            of no task, a template is unsafe or shows no input.
    """
    models = study.settings.models
    templates = {study.template(name): model.shots for name, model in models.items() if model.run}
    all_of(
        lambda: _refuse(_missing_answers(study)),
        lambda: _refuse(_wrong_scores(study)),
        *(partial(_check_template, path, shots) for path, shots in templates.items() if path),
    )


def _refuse(problems: Iterable[str]) -> None:
    if lines := tuple(problems):
        raise InputError(*lines)


def _missing_answers(study: Study) -> Iterator[str]:
    """Files of models' answers that are not where the configuration says."""
    for name, model in study.settings.models.items():
        if not isinstance(model, RecordedModel) or model.path is None or not model.run:
            continue
        where = f"studies.{study.name}.models.{name}.path"
        files = [
            path for task in study.model_tasks(name) for path in study.answer_files(name, task)
        ]
        missing = [path for path in files if not Path(path).is_file()]
        if not Path(model.path).is_dir():
            yield f"{where}: {model.path}: no such directory"
        elif missing:
            more = f", nor {len(missing) - 1} more of {len(files)}" if len(missing) > 1 else ""
            yield (
                f"{where}: there is no {missing[0]}{more}: put it there, or name what the model "
                "has in `settings` and `tasks`"
            )


def _wrong_scores(study: Study) -> Iterator[str]:
    """Columns of the published scores that no table can show, and values that are no scores."""
    path, tasks = study.published(PUBLISHED_SCORES), study.config.tasks
    rows = read_csv(Path(path), OTHERS, OTHERS[:2]) if path else ()
    for line, row in enumerate(rows, start=2):
        unknown = sorted(row.keys() - {*OTHERS, *tasks}) if line == 2 else ()
        for column in unknown:
            yield f"{path}: line 1: {column}: the column is of no task{nearest(column, tasks)}"
        for task in row.keys() & {*tasks}:
            if row[task] and not _is_score(row[task], 2 if task in row["doubled"].split() else 1):
                yield (
                    f"{path}: line {line}: {task}: {row[task]} is no score: write a number from 0 "
                    "to 1, the best, with a point, or leave the field empty"
                )


def _is_score(text: str, most: int) -> bool:
    try:
        return 0 <= float(text) <= most
    except ValueError:
        return False


def _check_template(path: str, shots: int) -> None:
    """Refuse a template that cannot be rendered, or whose prompts do not show the input."""
    template = PromptTemplate(Path(path))
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
