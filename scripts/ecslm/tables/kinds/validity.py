"""The validity table: invalid and truncated answers, the scores with a forgiving parser, and how
often models give their most frequent answer."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field

from ecslm.tables import notes
from ecslm.tables.inputs import TASKS, Entry, Inputs
from ecslm.tables.model import Cell, Panel, Row, RowGroup, Table, percent_text, score_text
from ecslm.tables.references import ModelName, SettingName, TaskName

NOTES = (
    "Invalid: share of the test records whose answer cannot be parsed; such answers are scored "
    "as wrong. Truncated: share of answers cut off by the limit of new tokens.",
    "Lenient: the strict metric with a forgiving parser, which looks for the answer anywhere "
    "in the text; the difference from strict is due to format only.",
    "Most frequent: share of the answers that are the most frequent one, as parsed, whatever the "
    "right answers are; distinct: number of different answers.",
    "--: not measured or not defined.",
)
FREQUENT = "the most frequent answer"
# By the title of a panel, its rows for each model: what is shown of `Measured`, and how.
PANELS: Mapping[str, Mapping[str, tuple[str, Callable[[Any], str]]]] = {
    "unusable answers, %": {
        "invalid": ("invalid", percent_text),
        "truncated": ("truncated", percent_text),
    },
    "scores": {"strict": ("strict", score_text), "lenient": ("lenient", score_text)},
    FREQUENT: {
        "share, %": ("most_frequent", percent_text),
        "distinct": ("distinct", "{:,}".format),
    },
}


class ValidityEntry(Entry):
    """Invalid and truncated answers, strict and lenient score, and constant answers."""

    READS: ClassVar = ("scores",)

    kind: Literal["validity"]
    settings: tuple[SettingName, ...] = Field(min_length=1)
    """Evaluation settings, in order."""
    columns: tuple[TaskName, ...] = TASKS
    models: tuple[ModelName, ...] = Field(min_length=1)
    """Models, in order."""

    def build(self, name: str, inputs: Inputs) -> Table:
        """The table from metrics files: panels for each setting."""
        panels = [panel for one in self.settings for panel in self._panels(inputs, one)]
        limits = notes.limit_notes(self.models, inputs.study.models)
        records = [notes.RECORDS] if panels else []
        return self.table(name, panels, [*NOTES, *records, *limits, inputs.study.data.note])

    def _panels(self, inputs: Inputs, setting: str) -> Iterator[Panel]:
        """The panels of a setting, with columns for the tasks that have it."""
        scores = {
            task: {
                model: one
                for model in self.models
                if (one := inputs.scores.of(model, task, setting))
            }
            for task in self.columns
        }
        found = {task: measured for task, measured in scores.items() if measured}
        constants = [
            f"{task}, {model}: {one.constant}"
            for task, measured in found.items()
            for model, one in measured.items()
            if one.constant
        ]
        title = inputs.study.setting_title(setting)

        def cell(task: str, model: str, value: str, text: Callable[[Any], str]) -> Cell:
            one = found[task].get(model)
            return Cell.of(getattr(one, value), text, one.sources) if one else Cell()

        for what, measures in PANELS.items() if found else ():
            metrics = {one: inputs.study.tasks[one].metric for one in found if what == "scores"}
            columns = tuple(
                notes.task_head(task, metrics.get(task, ""), of) for task, of in found.items()
            )
            groups = tuple(
                RowGroup(
                    model,
                    tuple(
                        Row(model, "model", tuple(cell(t, model, *measure) for t in found), detail)
                        for detail, measure in measures.items()
                    ),
                )
                for model in self.models
            )
            same = notes.constant_notes(constants) if what == FREQUENT else []
            below = (*notes.fewer_notes(columns), *same)
            yield Panel(f"{title}: {what}", "Model", columns, groups, title, below)
