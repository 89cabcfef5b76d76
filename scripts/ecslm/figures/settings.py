"""Settings of figures: what a study's figures show, and the names of their files."""

from collections.abc import Iterator
from typing import ClassVar, Literal

from ecslm.schemas.paths import ADAPTER, SCORES_PARQUET
from ecslm.schemas.settings import Closed, JobSettings
from ecslm.tables.kinds.results import ResultsEntry
from ecslm.tidy.study import StudyContext

FigureKind = Literal["intervals", "computation", "records", "loss"]


class FigureName(Closed):
    """A figure."""

    kind: FigureKind
    """What it shows."""
    table: str = ""
    """Results table whose rows it shows, if any."""
    task: str = ""
    """Task whose scores it shows, if it is one."""

    @property
    def name(self) -> str:
        """The name of its files, without their ending."""
        return "_".join(filter(None, (self.kind, self.table, self.task)))


class DrawnTable(Closed):
    """A results table whose rows are drawn."""

    name: str
    entry: ResultsEntry
    """Its entry, without a caption."""
    shares: tuple[tuple[str, ...], ...] = ()
    """Models that differ in nothing but the share of training records, by share in each group: if
    there are any, scores against that share are drawn."""


class FiguresSettings(JobSettings):
    """Everything except files that can change the figures."""

    LIBRARIES: ClassVar[tuple[str, ...]] = ("matplotlib", "numpy", "pandas")

    tables: tuple[DrawnTable, ...] = ()
    context: StudyContext
    """The study."""

    def names(self) -> Iterator[FigureName]:
        """All figures, in the order of a report."""
        for table in self.tables:
            if self._differs_in_size(table.entry):
                yield FigureName(kind="computation", table=table.name)
            if table.shares:
                yield FigureName(kind="records", table=table.name)
            else:
                for task in dict.fromkeys(table.entry.columns):
                    yield FigureName(kind="intervals", table=table.name, task=task)
        if self.context.adapters:
            yield FigureName(kind="loss")

    def _differs_in_size(self, entry: ResultsEntry) -> bool:
        """Whether models of several sizes have scores in a table."""
        shown = (self.context.models[name] for name in entry.models)
        sizes = {one.multiplied for one in shown if {*one.tasks} & {*entry.columns}}
        return len(sizes - {None}) > 1

    def files(self) -> list[str]:
        """The files that figures are drawn from, relative to the study's results directory.

        The manifests of adapters stand for the logs next to them: these have clock values, by whose
        digest no figure shall be known.
        """
        logs = (ADAPTER.format(**job) for job in self.context.adapters)
        return [*[SCORES_PARQUET] * bool(self.tables), *logs]
