"""Settings of figures: what a study's figures show, and the names of their files."""

from collections.abc import Iterator
from typing import Any, Literal

from pydantic import Field

from ecslm.schemas.settings import Closed
from ecslm.tables.settings import ModelContext, TableContext

# Libraries whose versions can change a figure.
LIBRARIES = ("matplotlib", "numpy")
GRAPH_LIBRARIES = ("matplotlib", "networkx")

FigureKind = Literal[
    "intervals", "parameters", "computation", "records", "loss", "validation", "rule_graph"
]


class FigureName(Closed):
    """A figure."""

    kind: FigureKind = Field(description="What it shows.")
    table: str = Field("", description="Results table whose scores it shows, if any.")
    task: str = Field("", description="Task whose scores it shows, if it is one.")

    @property
    def name(self) -> str:
        """The name of its files, without their ending."""
        return "_".join(filter(None, (self.kind, self.table, self.task)))


class TableFigures(Closed):
    """A results table that is drawn."""

    entry: dict[str, Any] = Field(description="Its entry, without caption and label.")
    shares: tuple[tuple[str, ...], ...] = Field(
        (),
        description="Its models that differ in nothing but the share of training records, by share "
        "in each group: scores against that number are drawn.",
    )
    sized: bool = Field(
        False, description="Whether scores against sizes are drawn: of some models it is known."
    )
    tasks: tuple[str, ...] = Field((), description="Columns of which the intervals are drawn.")


class FiguresSettings(Closed):
    """Everything except files that can change the figures."""

    tables: dict[str, TableFigures] = Field({}, description="Results tables, in order.")
    context: TableContext = Field(TableContext(), description="The part of the study they show.")

    def names(self) -> Iterator[FigureName]:
        """All figures, in the order of a report."""
        for table, drawn in self.tables.items():
            if drawn.shares:
                yield FigureName(kind="records", table=table)
            if drawn.sized:
                yield FigureName(kind="computation", table=table)
                yield FigureName(kind="parameters", table=table)
            for task in drawn.tasks:
                yield FigureName(kind="intervals", table=table, task=task)
        if self.trained:
            yield FigureName(kind="validation")
            yield FigureName(kind="loss")

    @property
    def models(self) -> dict[str, ModelContext]:
        """The study's models by name."""
        return self.context.models

    @property
    def trained(self) -> dict[str, tuple[int, ...]]:
        """The models that are trained, with their seeds."""
        return {name: one.trained for name, one in self.models.items() if one.trained}


class RuleGraph(Closed):
    """The rules of a study, and how they depend on each other."""

    jobs: dict[str, int] = Field(description="Number of jobs of each rule.")
    edges: tuple[tuple[str, str], ...] = Field(
        description="Pairs of rules: the second one reads what the first one makes."
    )
