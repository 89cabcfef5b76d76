"""The instructions table: the same samples under instructions that training has and has not seen.

Whether an instruction was seen is looked up in the data, not derived from its setting's name.
"""

from collections.abc import Mapping
from typing import ClassVar, Literal

from pydantic import Field

from ecslm.schemas.references import ModelName, SettingName, SettingsContrastName, TaskName
from ecslm.schemas.settings import Closed
from ecslm.tables.inputs import TASKS, Inputs, IntervalsEntry
from ecslm.tables.kinds.comparisons import comparison_notes, contrast_notes, difference_cell
from ecslm.tables.model import MISSING, Cell, HeaderCell, Panel, Table, row_groups
from ecslm.tables.notes import STRICT, limit_notes, mark_notes, seed_notes


class InstructionsColumn(Closed):
    """A column of the instructions table."""

    title: str
    """Head of the column; seen or unseen is added below it."""
    setting: SettingName
    """Evaluation setting."""


class InstructionsEntry(IntervalsEntry):
    """Scores of the same samples under several instructions."""

    READS: ClassVar = ("scores", "overlap", "comparisons")

    kind: Literal["instructions"]
    tasks: tuple[TaskName, ...] = TASKS
    columns: tuple[InstructionsColumn, ...] = Field(min_length=2)
    """Evaluation settings, in order."""
    models: tuple[ModelName, ...] = Field(min_length=1)
    """Panels: models, in order."""
    contrast: SettingsContrastName | None = None
    """Contrast of settings whose differences are shown next to the scores."""

    def build(self, name: str, inputs: Inputs) -> Table:
        """The table from scores, comparisons and the reports on overlap: a panel for each model."""
        study, titles = inputs.study, {one.setting: one.title for one in self.columns}
        # Whether training has the instructions of a setting, for the tasks that have it.
        seen = {
            setting: {
                task: inputs.overlap[task].settings[setting].instruction
                for task in self.tasks
                if task in inputs.overlap and setting in inputs.overlap[task].settings
            }
            for setting in titles
        }
        compared = inputs.compared(self.tasks, self.contrast)
        differences = [(task, row) for task, row in compared if row.model in self.models]
        columns = [HeaderCell("records", "n", form="count")]
        for setting, title in titles.items():
            columns.append(HeaderCell(setting, title, _label(seen[setting])))
        for a, b in dict.fromkeys((row.a, row.b) for _, row in differences):
            detail = f"{titles.get(a, a)} against {titles.get(b, b)}"
            columns.append(HeaderCell(f"{a} against {b}", "Difference", detail))
        panels = []
        for model in self.models:
            cells: dict[str, dict[str, Cell]] = {}
            for task in self.tasks:
                found = {one: inputs.scores.of(model, task, one) for one in titles}
                measured = {setting: one for setting, one in found.items() if one}
                cells[task] = {setting: one.cell for setting, one in measured.items()}
                # One number if it is the same in each column.
                each = [f"{one.records:,}" if one else MISSING for one in found.values()]
                each = each if len({*each} - {MISSING}) > 1 else [max(each)]
                most = max((one.records for one in measured.values()), default=None)
                sources = dict.fromkeys(path for one in measured.values() for path in one.sources)
                cells[task]["records"] = Cell.of(most, "/".join(each).format, tuple(sources))
            for task, row in differences:
                if row.model == model:
                    cells[task][f"{row.a} against {row.b}"] = difference_cell(task, row)
            groups = row_groups(columns, {"": cells})
            panels.append(Panel(model, "Task", tuple(columns), groups, float_title=model))
        # As if each panel were a row.
        wholes = {one.title: [cell for row in one.rows for cell in row.cells] for one in panels}
        notes = (
            STRICT,
            "n: test records, the same in each column unless there is a number for each.",
            "Seen, unseen: whether the instructions occur in the task's training records.",
            *(
                f"{titles[setting]}: {', '.join(f'{task} {one}' for task, one in found.items())}."
                for setting, found in seen.items()
                if len({*found.values()}) > 1
            ),
            *limit_notes(self.models, study.models),
            *mark_notes(panels, self.intervals),
            *seed_notes(wholes, study.models, self.intervals),
            *comparison_notes(differences),
            *contrast_notes(differences, study.contrasts),
            study.data.note,
        )
        return self.table(name, panels, notes)


def _label(by_task: Mapping[str, str]) -> str:
    return " or ".join(sorted({*by_task.values()})) or "not compared"
