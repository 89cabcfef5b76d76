"""Settings of figures: what a study's figures show, and the names of their files."""

from collections.abc import Iterator
from typing import ClassVar, Literal

from ecslm.schemas import paths
from ecslm.schemas.settings import Closed, JobSettings
from ecslm.tables.settings import ModelContext, TaskContext

FigureKind = Literal["intervals", "computation", "records", "validation", "loss"]


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
    setting: str
    """Evaluation setting."""
    tasks: tuple[str, ...]
    """Tasks, in the order of the study."""
    rows: tuple[str, ...]
    """Models and trivial baselines, in order."""
    published: dict[str, str] = {}
    """Those of the rows that were published: the row of the published scores by its name here."""
    published_table: str | None = None
    """Table that was published."""
    shares: tuple[tuple[str, ...], ...] = ()
    """Models that differ in nothing but the share of training records, by share in each group: if
    there are any, scores against that number are drawn."""
    computation: bool = False
    """Whether scores against computation are drawn: of several sizes."""


class FiguresSettings(JobSettings):
    """Everything except files that can change the figures."""

    LIBRARIES: ClassVar[tuple[str, ...]] = ("matplotlib", "numpy", "pandas", "pyarrow")

    tables: tuple[DrawnTable, ...] = ()
    tasks: dict[str, TaskContext] = {}
    """Tasks by code."""
    models: dict[str, ModelContext] = {}
    """Models by name."""
    simple: tuple[str, ...] = ()
    """Tasks that have a best simple baseline."""

    def names(self) -> Iterator[FigureName]:
        """All figures, in the order of a report."""
        for table in self.tables:
            if table.computation:
                yield FigureName(kind="computation", table=table.name)
            if table.shares:
                yield FigureName(kind="records", table=table.name)
            else:
                for task in table.tasks:
                    yield FigureName(kind="intervals", table=table.name, task=task)
        if self.trained:
            yield FigureName(kind="validation")
            yield FigureName(kind="loss")

    @property
    def trained(self) -> dict[str, tuple[int, ...]]:
        """The models that are trained, with their seeds."""
        return {name: one.trained for name, one in self.models.items() if one.trained}

    @property
    def families(self) -> set[str]:
        """The families of all models."""
        return {one.family for one in self.models.values()}

    @property
    def tasks_in_order(self) -> list[str]:
        """The tasks in the order of the study: that of the first table, then others by code."""
        drawn = (task for table in self.tables for task in table.tasks)
        return list(dict.fromkeys([*drawn, *sorted(self.tasks)]))

    def files(self) -> list[str]:
        """The files that figures are drawn from, relative to the study's results directory.

        The manifests of adapters stand for the logs next to them: these have clock values, by whose
        digest no figure shall be known.
        """
        found = [paths.SCORES_PARQUET] if self.tables else []
        for table in self.tables:
            for task in table.tasks:
                found += [paths.over_seeds_path(row, task) for row in self.over_seeds(table, task)]
                if task in self.simple:
                    found.append(paths.SIMPLE_BASELINES.format(task=task))
        for model, seeds in self.trained.items():
            found += [paths.ADAPTER.format(model=model, seed=seed) for seed in seeds]
        return list(dict.fromkeys(found))

    def over_seeds(self, table: DrawnTable, task: str) -> list[str]:
        """The models of a table that answer a task with several seeds."""
        known = {row: self.models[row] for row in table.rows if row in self.models}
        return [row for row, one in known.items() if task in one.tasks and len(one.seeds) > 1]
