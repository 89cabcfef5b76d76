"""The validity table: invalid and truncated answers, the scores with a forgiving parser, and how
often models give their most frequent answer."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field

from ecslm.schemas.paths import SCORES_PARQUET
from ecslm.schemas.references import ModelName, SettingName, TaskName
from ecslm.tables import notes
from ecslm.tables.inputs import TASKS, Inputs, TableEntry
from ecslm.tables.model import Cell, Panel, Row, RowGroup, Table, percent_text, score_text

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


class ValidityEntry(TableEntry):
    """Invalid and truncated answers, strict and lenient score, and constant answers."""

    READS: ClassVar = (SCORES_PARQUET,)

    kind: Literal["validity"]
    settings: tuple[SettingName, ...] = Field(min_length=1)
    """Evaluation settings, in order."""
    columns: tuple[TaskName, ...] = TASKS
    models: tuple[ModelName, ...] = Field(min_length=1)
    """Models, in order."""

    def build(self, name: str, inputs: Inputs) -> Table:
        """The table from scores: panels for each setting."""
        panels = [panel for one in self.settings for panel in self._panels(inputs, one)]
        limits = notes.limit_notes(self.models, inputs.study.models)
        return self.table(name, panels, [*NOTES, notes.RECORDS, *limits, inputs.study.data.note])

    def _panels(self, inputs: Inputs, setting: str) -> Iterator[Panel]:
        """The panels of a setting, with columns for the tasks that have it."""
        scored = inputs.scores.of_all(self.models, self.columns, setting)
        tasks = [task for task in self.columns if task in {of for _, of in scored}]
        title = inputs.study.setting_title(setting)

        def cell(key: tuple[str, str], value: str, text: Callable[[Any], str]) -> Cell:
            one = scored.get(key)
            return Cell.of(getattr(one, value), text, one.sources) if one else Cell()

        for what, measures in PANELS.items() if tasks else ():
            metrics = {one: inputs.study.tasks[one].metric for one in tasks if what == "scores"}
            columns = tuple(notes.task_head(one, metrics.get(one, ""), scored) for one in tasks)
            groups = []
            for model in self.models:
                rows = (
                    Row(model, "model", tuple(cell((model, t), *measure) for t in tasks), detail)
                    for detail, measure in measures.items()
                )
                groups.append(RowGroup(model, tuple(rows)))
            same = notes.constants(scored, self.models) if what == FREQUENT else {}
            by_task = [same[key] for key in sorted(same, key=lambda key: tasks.index(key[1]))]
            below = (*notes.fewer_notes(scored), *notes.constant_notes(by_task))
            yield Panel(f"{title}: {what}", "Model", columns, tuple(groups), title, below)
