"""The comparisons table: differences of the study's own scores, with intervals and p-values."""

from collections.abc import Iterator
from functools import partial
from typing import ClassVar, Literal

from pydantic import Field

from ecslm.common.errors import InputError
from ecslm.comparisons.results import Comparison
from ecslm.schemas.paths import comparison_path
from ecslm.tables.differences import comparison_notes, contrast_notes, difference_cell, p_text
from ecslm.tables.entry import TASK_COLUMNS, IntervalsEntry
from ecslm.tables.inputs import Inputs, comparison_files
from ecslm.tables.model import (
    Cell,
    HeaderCell,
    IntervalsPlace,
    Panel,
    Table,
    number_cell,
    row_groups,
    text_cell,
)
from ecslm.tables.notes import grouped, mark_notes
from ecslm.tables.references import ContrastName, TaskName
from ecslm.tables.settings import TableContext

BEST_SIMPLE = "the best simple baseline"
COLUMNS = (
    HeaderCell("metric", "Metric", form="text"),
    HeaderCell("difference", "Difference"),
    HeaderCell("p", "p"),
    HeaderCell("p_holm", "p", "Holm"),
    HeaderCell("n", "n", form="count"),
)


class ComparisonsEntry(IntervalsEntry):
    """Differences between the study's own scores, with intervals and p-values."""

    READS: ClassVar = (comparison_files,)

    kind: Literal["comparisons"]
    intervals: IntervalsPlace = "beside"
    """Where intervals stand in LaTeX, if at all."""
    contrasts: tuple[ContrastName, ...] = Field(min_length=1)
    """Contrasts, in order."""
    columns: tuple[TaskName, ...] = TASK_COLUMNS

    def problems(self, inputs: Inputs) -> Iterator[str]:
        """Whether there is nothing to show."""
        contrasts = (inputs.study.contrasts[name] for name in self.contrasts)
        if all(set(one.tasks).isdisjoint(self.columns) for one in contrasts):
            yield f"contrasts: {self._nothing}"

    def build(self, name: str, inputs: Inputs) -> Table:
        """The table from comparisons: a panel for each contrast, and each setting or pair of them.

        Raises:
            InputError: the contrasts compare nothing in the table's tasks.
        """
        study, panels = inputs.study, []
        found = inputs.compared(self.columns, *self.contrasts)
        if not found:
            raise InputError(f"{name}: {self._nothing}")
        of_panels = grouped(
            ((row.contrast, _common(study, row)), (task, row)) for task, row in found
        )
        for (contrast, what), compared in of_panels.items():
            title = study.contrasts[contrast].title
            # The contrast, and what it leaves open.
            title = title if title.lower() == what.lower() else f"{title}: {what}"
            rows: dict[str, dict[str, dict[str, Cell]]] = {}
            for task, row in compared:
                rows.setdefault(_name(row), {})[task] = _cells(study, task, row)
            notes = tuple(contrast_notes(compared, study.contrasts))
            groups = row_groups(COLUMNS, rows)
            panels.append(Panel(title, "Task", COLUMNS, groups, title, notes, side_by_side=True))
        below = (
            *comparison_notes(found),
            *mark_notes(panels, with_intervals=self.explains_intervals),
        )
        return self.table(name, panels, below, study.data)

    @property
    def _nothing(self) -> str:
        return (
            f"{', '.join(self.contrasts)} compare nothing in {', '.join(self.columns)}: their "
            "models are not run, or do not answer these tasks: change `columns` or the contrasts, "
            "or leave the table out"
        )


def _common(study: TableContext, row: Comparison) -> str:
    """What the rows of a panel have in common: the setting, or the two compared settings."""
    title = study.setting_title
    return title(row.setting) if row.setting else f"{title(row.a)} against {title(row.b)}"


def _name(row: Comparison) -> str:
    return row.model or f"{row.a} against {BEST_SIMPLE if row.best_simple else row.b}"


def _cells(study: TableContext, task: str, row: Comparison) -> dict[str, Cell]:
    sources, text = (comparison_path(task),), partial(p_text, below="<")
    # The number of records; if they are not paired, of both sides.
    records = "{:,}".format if row.paired else f"{{}}/{row.n_b}".format
    return {
        "metric": text_cell(study.tasks[task].metric),
        "difference": difference_cell(task, row),
        "p": number_cell(row.p, text, sources),
        "p_holm": number_cell(row.p_holm, text, sources),
        "n": number_cell(row.n, records, sources),
    }
