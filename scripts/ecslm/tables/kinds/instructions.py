"""The instructions table: the same samples under instructions that training has and has not seen.

Whether an instruction was seen is looked up in the data, not derived from its setting's name.
"""

from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal

from pydantic import Field

from ecslm.schemas.settings import Closed
from ecslm.tables.differences import comparison_notes, contrast_notes, difference_cell
from ecslm.tables.entry import ScoresEntry
from ecslm.tables.inputs import Inputs, comparison_files, overlap_files
from ecslm.tables.model import MISSING, Cell, HeaderCell, Panel, Row, RowGroup, Table, number_cell
from ecslm.tables.notes import STRICT, limit_notes, mark_notes, seed_notes
from ecslm.tables.references import ModelName, SettingName, SettingsContrastName, TaskName
from ecslm.tables.scores import Measured, score_files

# Label of a column whose tasks disagree; a note gives the label of each task.
MIXED = "mixed"


class InstructionsColumn(Closed):
    """A column of the instructions table."""

    title: str = Field(description="Head of the column; seen or unseen is added below it.")
    setting: SettingName = Field(description="Evaluation setting.")


class InstructionsEntry(ScoresEntry):
    """Scores of the same samples under several instructions."""

    READS: ClassVar = (score_files, overlap_files, comparison_files)

    kind: Literal["instructions"]
    tasks: tuple[TaskName, ...] = Field(min_length=1, description="Rows: task codes, in order.")
    columns: tuple[InstructionsColumn, ...] = Field(
        min_length=2, description="Evaluation settings, in order."
    )
    models: tuple[ModelName, ...] = Field(min_length=1, description="Panels: models, in order.")
    contrast: SettingsContrastName | None = Field(
        None, description="Contrast of settings whose differences are shown next to the scores."
    )

    def build(self, name: str, inputs: Inputs) -> Table:
        """The table from scores, comparisons and the reports on overlap: a panel for each model."""
        study = inputs.study
        labels = [self._labels(inputs, column.setting) for column in self.columns]
        compared = inputs.compared(self.tasks, self.contrast)
        differences = [(task, row) for task, row in compared if row.model in self.models]
        pairs = tuple(dict.fromkeys((row.a, row.b) for _, row in differences))
        columns = (
            HeaderCell(key="records", text="n", form="count"),
            *(
                HeaderCell(one.setting, one.title, _label(by_task), lower_is_better=False)
                for one, by_task in zip(self.columns, labels, strict=True)
            ),
            *map(self._difference_head, pairs),
        )
        panels = []
        for model in self.models:
            cells = {
                (task, row.a, row.b): difference_cell(task, row)
                for task, row in differences
                if row.model == model
            }
            rows = []
            for task in self.tasks:
                measured = [inputs.scores.of(model, task, one.setting) for one in self.columns]
                scores = (self.headline(one) for one in measured)
                compared_with = (cells.get((task, *pair), Cell()) for pair in pairs)
                shown = (_records(measured), *scores, *compared_with)
                rows.append(Row(name=task, kind="other", cells=shown))
            groups = (RowGroup("", tuple(rows)),)
            panels.append(Panel(model, "Task", columns, groups, float_title=model))
        # As if each panel were a row.
        whole = {one.title: sum((row.cells for row in one.rows), ()) for one in panels}
        means = [Row(model, "model", cells) for model, cells in whole.items()]
        seeds = {
            model: len(study.models[model].seeds)
            for model, cells in whole.items()
            if any(cell.sd is not None for cell in cells)
        }
        notes = (
            STRICT,
            "n: test records, the same in each column unless there is a number for each.",
            "Seen, unseen: whether the instructions occur in the task's training records.",
            *(
                f"{column.title}: {', '.join(f'{task} {label}' for task, label in found.items())}."
                for column, found in zip(self.columns, labels, strict=True)
                if _label(found) == MIXED
            ),
            *limit_notes(self.models, study.models),
            *mark_notes(panels, with_intervals=self.explains_intervals),
            *seed_notes(means, seeds, self),
            *comparison_notes(differences),
            *contrast_notes(differences, study.contrasts),
        )
        return self.table(name, panels, notes, study.data)

    def _labels(self, inputs: Inputs, setting: str) -> dict[str, str]:
        """Whether training has the instructions of a setting, for the tasks that have it."""
        return {
            task: inputs.overlap[task].settings[setting].instruction
            for task in self.tasks
            if task in inputs.overlap and setting in inputs.overlap[task].settings
        }

    def _difference_head(self, pair: tuple[str, str]) -> HeaderCell:
        titles = {column.setting: column.title for column in self.columns}
        a, b = (titles.get(setting, setting) for setting in pair)
        return HeaderCell(key=" against ".join(pair), text="Difference", detail=f"{a} against {b}")


def _label(by_task: Mapping[str, str]) -> str:
    labels = set(by_task.values())
    if len(labels) > 1:
        return MIXED
    return labels.pop() if labels else "not compared"


def _records(measured: Sequence[Measured | None]) -> Cell:
    """The number of test records; one for each column, if they differ."""
    known = [one for one in measured if one is not None]
    most = max((one.records for one in known), default=None)
    each = [MISSING if one is None else f"{one.records:,}" for one in measured]
    same = len({one.records for one in known}) == 1
    sources = tuple(dict.fromkeys(path for one in known for path in one.sources))
    return number_cell(most, "{:,}".format if same else lambda _: "/".join(each), sources)
