"""The instructions table: the same samples under instructions that training has and has not seen.
Which training has is in the data card."""

from typing import ClassVar, Literal

from pydantic import Field

from ecslm.schemas.paths import COMPARISONS_PARQUET, SCORES_PARQUET
from ecslm.schemas.references import ModelName, SettingName, SettingsContrastName, TaskName
from ecslm.schemas.settings import Closed
from ecslm.tables.inputs import TASKS, Inputs, IntervalsEntry
from ecslm.tables.kinds.comparisons import comparison_notes, contrast_notes, difference_cell
from ecslm.tables.model import MISSING, Cell, HeaderCell, Panel, Table, row_groups
from ecslm.tables.notes import STRICT, limit_notes, mark_notes, seed_notes


class InstructionsColumn(Closed):
    """A column of the instructions table."""

    title: str
    """Head of the column."""
    setting: SettingName
    """Evaluation setting."""


class InstructionsEntry(IntervalsEntry):
    """Scores of the same samples under several instructions."""

    READS: ClassVar = (SCORES_PARQUET, COMPARISONS_PARQUET)

    kind: Literal["instructions"]
    tasks: tuple[TaskName, ...] = TASKS
    columns: tuple[InstructionsColumn, ...] = Field(min_length=2)
    """Evaluation settings, in order."""
    models: tuple[ModelName, ...] = Field(min_length=1)
    """Panels: models, in order."""
    contrast: SettingsContrastName | None = None
    """Contrast of settings whose differences are shown next to the scores."""

    def build(self, name: str, inputs: Inputs) -> Table:
        """The table from scores and comparisons: a panel for each model."""
        study, titles = inputs.study, {one.setting: one.title for one in self.columns}
        compared = inputs.compared(self.tasks, self.contrast)
        differences = [row for row in compared if row["model"] in self.models]
        columns = [HeaderCell("records", "n", form="count")]
        columns += [HeaderCell(setting, title) for setting, title in titles.items()]
        for a, b in dict.fromkeys((row["a"], row["b"]) for row in differences):
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
                each = dict.fromkeys(f"{one.records:,}" for one in measured.values())
                sources = dict.fromkeys(path for one in measured.values() for path in one.sources)
                cells[task]["records"] = Cell.text("/".join(each) or MISSING, tuple(sources))
            for row in differences:
                if row["model"] == model:
                    cells[row["task"]][f"{row['a']} against {row['b']}"] = difference_cell(row)
            groups = row_groups(columns, {"": cells})
            panels.append(Panel(model, "Task", tuple(columns), groups, float_title=model))
        # As if each panel were a row.
        wholes = {one.title: [cell for row in one.rows for cell in row.cells] for one in panels}
        notes = (
            STRICT,
            "n: test records, the same in each column unless there are several numbers.",
            *limit_notes(self.models, study.models),
            *mark_notes(panels, self.intervals),
            *seed_notes(wholes, study.models, self.intervals),
            *comparison_notes(differences),
            *contrast_notes(differences, study.contrasts),
            study.data.note,
        )
        return self.table(name, panels, notes)
