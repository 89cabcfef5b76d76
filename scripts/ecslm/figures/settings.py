"""Settings of figures: what a study's figures show, and the names of their files."""

from collections.abc import Iterator
from typing import ClassVar, Literal

from ecslm.schemas import paths
from ecslm.schemas.settings import Closed, JobSettings
from ecslm.tables.scores import score_files
from ecslm.tables.settings import TableContext

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
    context: TableContext
    """The study's tasks, models and baselines."""

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
            yield FigureName(kind="loss")

    @property
    def trained(self) -> dict[str, tuple[int, ...]]:
        """The models that are trained, with their seeds."""
        return {name: one.trained for name, one in self.context.models.items() if one.trained}

    @property
    def families(self) -> set[str]:
        """The families of all models that are drawn."""
        drawn = {row for table in self.tables for row in table.rows}.union(self.trained)
        return {one.family for name, one in self.context.models.items() if name in drawn}

    @property
    def scores(self) -> list[str]:
        """The files of scores, relative to the study's results directory."""
        return [paths.SCORES_PARQUET, *score_files(self.context)] if self.tables else []

    def files(self) -> list[str]:
        """The files that figures are drawn from, relative to the study's results directory.

        The manifests of adapters stand for the logs next to them: these have clock values, by whose
        digest no figure shall be known.
        """
        trained = self.trained.items()
        logs = [
            paths.ADAPTER.format(model=one, seed=seed) for one, seeds in trained for seed in seeds
        ]
        return list(dict.fromkeys([*self.scores, *logs]))
