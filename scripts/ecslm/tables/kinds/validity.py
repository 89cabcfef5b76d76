"""The validity table: invalid and truncated answers, the scores with a forgiving parser, and how
often models give their most frequent answer."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field

from ecslm.tables import notes
from ecslm.tables.entry import Entry
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
# What a row shows, and how it is shown.
Measure = tuple[str, Callable[[Any], str]]
# By the title of a panel, its rows for each model.
PANELS: Mapping[str, Mapping[str, Measure]] = {
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
    settings: tuple[SettingName, ...] = Field(
        min_length=1, description="Evaluation settings, in order."
    )
    columns: tuple[TaskName, ...] = Field(min_length=1, description="Task codes, in order.")
    models: tuple[ModelName, ...] = Field(min_length=1, description="Models, in order.")

    def build(self, name: str, inputs: Inputs) -> Table:
        """The table from metrics files: panels for each setting."""
        panels = [panel for one in self.settings for panel in self._panels(inputs, one)]
        limits = notes.limit_notes(self.models, inputs.study.models)
        below = (*NOTES, *notes.record_notes(panels), *limits)
        return self.table(name, panels, below, inputs.study.data)

    def _panels(self, inputs: Inputs, setting: str) -> Iterator[Panel]:
        """The panels of a setting, with columns for the tasks that have it."""
        every = {
            task: {
                model: measured
                for model in self.models
                if (measured := inputs.scores.of(model, task, setting))
            }
            for task in self.columns
        }
        found = {task: of_task for task, of_task in every.items() if of_task}
        constants = [
            f"{task}, {model}: {constant}"
            for task, of_task in found.items()
            for model, one in of_task.items()
            if (constant := one.constant)
        ]
        for what, measures in PANELS.items() if found else ():
            columns = tuple(
                HeaderCell(
                    key=task,
                    text=task,
                    detail=inputs.study.tasks[task].metric if what == "scores" else "",
                    **notes.counted(of_task),
                )
                for task, of_task in found.items()
            )
            groups = tuple(
                RowGroup(model, tuple(_rows(model, found, measures))) for model in self.models
            )
            same = notes.constant_notes(constants) if "distinct" in measures else []
            below = (*notes.fewer_notes(columns), *same)
            title = inputs.study.setting_title(setting)
            yield Panel(f"{title}: {what}", "Model", columns, groups, title, below)


def _rows(
    model: str, found: Mapping[str, Mapping[str, Measured]], measures: Mapping[str, Measure]
) -> Iterator[Row]:
    measured = [of_task.get(model) for of_task in found.values()]
    for detail, (value, text) in measures.items():
        cells = (
            number_cell(getattr(one, value), text, one.sources) if one else Cell()
            for one in measured
        )
        yield Row(model, "model", tuple(cells), detail)
