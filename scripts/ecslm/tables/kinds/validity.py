"""The validity table: invalid and truncated answers, the scores with a forgiving parser, and how
often models give their most frequent answer."""

from collections.abc import Callable, Iterator, Mapping
from itertools import product
from typing import Any, ClassVar, Literal

from pydantic import Field

from ecslm.tables import notes
from ecslm.tables.entry import TASK_COLUMNS, Entry
from ecslm.tables.inputs import Inputs
from ecslm.tables.model import (
    Cell,
    HeaderCell,
    Panel,
    Row,
    RowGroup,
    Table,
    number_cell,
    percent_text,
    score_text,
)
from ecslm.tables.references import ModelName, SettingName, TaskName
from ecslm.tables.scores import Measured, score_files

NOTES = (
    "Invalid: share of the test records whose answer cannot be parsed; such answers are scored "
    "as wrong. Truncated: share of answers cut off by the limit of new tokens.",
    "Lenient: the strict metric with a forgiving parser, which looks for the answer anywhere "
    "in the text; the difference from strict is due to format only.",
    "Most frequent: share of the answers that are the most frequent one, as parsed, whatever the "
    "right answers are; distinct: number of different answers.",
    "--: not measured or not defined.",
)
# By the title of a panel, its rows for each model: what is shown of `Measured`, and how.
PANELS: Mapping[str, Mapping[str, tuple[str, Callable[[Any], str]]]] = {
    "unusable answers, %": {
        "invalid": ("invalid", percent_text),
        "truncated": ("truncated", percent_text),
    },
    "scores": {
        "strict": ("strict", score_text),
        "lenient": ("lenient", score_text),
    },
    "the most frequent answer": {
        "share, %": ("most_frequent", percent_text),
        "distinct": ("distinct", "{:,}".format),
    },
}


class ValidityEntry(Entry):
    """Invalid and truncated answers, strict and lenient score, and constant answers."""

    READS: ClassVar = (score_files,)

    kind: Literal["validity"]
    settings: tuple[SettingName, ...] = Field(min_length=1)
    """Evaluation settings, in order."""
    columns: tuple[TaskName, ...] = TASK_COLUMNS
    models: tuple[ModelName, ...] = Field(min_length=1)
    """Models, in order."""

    def build(self, name: str, inputs: Inputs) -> Table:
        """The table from metrics files: panels for each setting."""
        panels = [panel for one in self.settings for panel in self._panels(inputs, one)]
        limits = notes.limit_notes(self.models, inputs.study.models)
        below = (*NOTES, *notes.record_notes(panels), *limits)
        return self.table(name, panels, below, inputs.study.data)

    def _panels(self, inputs: Inputs, setting: str) -> Iterator[Panel]:
        """The panels of a setting, with columns for the tasks that have it."""
        found: dict[str, dict[str, Measured]] = {}
        constants = []
        for task, model in product(self.columns, self.models):
            if one := inputs.scores.of(model, task, setting):
                found.setdefault(task, {})[model] = one
                constants += [f"{task}, {model}: {one.constant}"] if one.constant else []
        title = inputs.study.setting_title(setting)
        for what, measures in PANELS.items() if found else ():
            details = {task: inputs.study.tasks[task].metric for task in found}
            columns = tuple(
                HeaderCell(
                    task, task, details[task] if what == "scores" else "", **notes.counted(of_task)
                )
                for task, of_task in found.items()
            )
            groups = tuple(
                RowGroup(
                    model,
                    tuple(
                        Row(model, "model", tuple(_cells(model, found, *measure)), detail)
                        for detail, measure in measures.items()
                    ),
                )
                for model in self.models
            )
            same = notes.constant_notes(constants) if "distinct" in measures else []
            below = (*notes.fewer_notes(columns), *same)
            yield Panel(f"{title}: {what}", "Model", columns, groups, title, below)


def _cells(
    model: str,
    found: Mapping[str, Mapping[str, Measured]],
    measure: str,
    text: Callable[[Any], str],
) -> Iterator[Cell]:
    for of_task in found.values():
        one = of_task.get(model)
        yield number_cell(getattr(one, measure), text, one.sources) if one else Cell()
