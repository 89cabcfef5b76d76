"""What entries of `tables:` in config.yaml share, and what tables are built from: the tidy tables
of a study, and files of the repository.

A kind of table is a class of entries that knows what it reads and how it is built.
"""

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from pathlib import Path
from typing import ClassVar

from pydantic import Field

from ecslm.common.tidy_rows import TidyRow, read_tidy
from ecslm.schemas.paths import COMPARISONS_PARQUET, SCORES_PARQUET
from ecslm.schemas.settings import Closed
from ecslm.tables.model import IntervalsPlace, Layout, Panel, Table
from ecslm.tables.scores import Published, Scores
from ecslm.tidy.scores import PUBLISHED
from ecslm.tidy.study import StudyContext


@dataclass
class Inputs:
    """Whatever tables are built from; each part is read when a table first asks for it.

    Whatever is asked for may end in an InputError: a file is altered or broken; or in an OSError.

    Attributes:
        results: the study's results directory.
        resources: files of the repository, by the option of render_table.py that names them.
    """

    study: StudyContext
    results: Path
    resources: Mapping[str, Path | None]

    @cached_property
    def _rows(self) -> list[TidyRow]:
        return read_tidy(self.results / SCORES_PARQUET)

    @cached_property
    def scores(self) -> Scores:
        """The scores of the study's own rows."""
        return Scores(self._rows, self.study)

    @cached_property
    def published(self) -> Published:
        """The published results."""
        return Published(row for row in self._rows if row["kind"] == PUBLISHED)

    @cached_property
    def comparisons(self) -> list[TidyRow]:
        """All comparisons."""
        return read_tidy(self.results / COMPARISONS_PARQUET)

    def compared(self, tasks: Sequence[str], *contrasts: str | None) -> list[TidyRow]:
        """The comparisons of some contrasts in some tasks, in the order of both."""
        return [
            row
            for contrast, task in product(contrasts, tasks)
            for row in self.comparisons
            if (row["contrast"], row["task"]) == (contrast, task)
        ]


# Columns or rows, which the study's tasks fill (`ecslm.config.groups`): never empty.
TASKS = Field(
    (),
    min_length=1,
    validate_default=True,
    description="Task codes, in order (default: the study's tasks; out of domain, those that have "
    "records there).",
)


class TableEntry(Closed):
    """Fields of every table. A field that names a part of the study has a type of `references`."""

    # The tidy tables that it is built from.
    READS: ClassVar[tuple[str, ...]] = ()
    # Files of the repository that it reads, by the option of render_table.py.
    RESOURCES: ClassVar[Mapping[str, Path]] = {}

    caption: str
    """Caption, plain text."""
    label: str = Field("", pattern=r"^[A-Za-z0-9:._-]+$", validate_default=True)
    """LaTeX label, for example `tab:ind` (default: of the table's name)."""
    wide: bool = False
    """Whether it spans both columns of a two-column LaTeX document."""
    kind: str

    @classmethod
    def tasks_key(cls) -> str | None:
        """The field that lists tasks of the study, if there is one."""
        fields = cls.model_fields.items()
        return next((key for key, one in fields if one.description == TASKS.description), None)

    @property
    def files(self) -> tuple[str, ...]:
        """The results that it reads, relative to the study's results directory."""
        return self.READS

    def published_rows(self) -> Iterable[tuple[str | None, str]]:
        """Published rows that it names, each with its table."""
        return ()

    def problems(self, study: StudyContext, published: Published) -> Iterator[str]:  # noqa: ARG002
        """What does not fit the study or the published results."""
        for table, row in dict.fromkeys(self.published_rows()):
            if not published.has(table, row):
                yield f"{row} is not in table {table} of {published.path}"

    @abstractmethod
    def build(self, name: str, inputs: Inputs) -> Table:
        """The table.

        Raises:
            InputError: a file is altered or broken.
            OSError: one is missing.
        """

    def table(
        self, name: str, panels: Iterable[Panel], notes: Iterable[str], summary: Iterable[str] = ()
    ) -> Table:
        """The table of this entry."""
        return Table(
            name=name,
            kind=self.kind,
            caption=self.caption,
            label=self.label,
            panels=tuple(panels),
            notes=tuple(notes),
            summary=tuple(summary),
            layout=Layout(self.wide, getattr(self, "intervals", "below")),
        )


class IntervalsEntry(TableEntry):
    """Fields of every table with intervals."""

    intervals: IntervalsPlace = "below"
    """Where intervals stand in LaTeX, if at all."""
