"""What entries of `tables:` in config.yaml share, and what tables are built from: the results of a
study and files of the repository, read once.

A kind of table is a class of entries that knows what it reads and how it is built.
"""

import re
from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from pathlib import Path
from typing import ClassVar

from pydantic import Field

from ecslm.common.errors import InputError
from ecslm.common.files import read_csv
from ecslm.comparisons.results import Comparison, read_comparisons
from ecslm.schemas.paths import COMPARISONS
from ecslm.schemas.settings import Closed
from ecslm.tables.model import Cell, IntervalsPlace, Layout, Panel, Table
from ecslm.tables.scores import Scores, score_files
from ecslm.tables.settings import TableContext

# A comparison with its task.
TaskComparison = tuple[str, Comparison]


# A score as it is printed.
SCORE = re.compile(r"\d*\.?\d+")
# The files of a study that a part of `Inputs` is read from, relative to its results directory.
FILES: Mapping[str, Callable[[TableContext], Iterable[str]]] = {
    "scores": score_files,
    "comparisons": lambda study: (COMPARISONS.format(task=task) for task in study.compared),
}


@dataclass
class Inputs:
    """Whatever tables are built from; each part is read when a table first asks for it.

    Whatever is asked for may end in an InputError: a file is missing, altered or broken.

    Attributes:
        results: the study's results directory.
        resources: files of the repository, by the option of render_table.py that names them.
    """

    study: TableContext
    results: Path
    resources: Mapping[str, Path | None]

    @cached_property
    def scores(self) -> Scores:
        """The scores of all rows."""
        return Scores(self.results, self.study)

    @cached_property
    def comparisons(self) -> dict[str, list[Comparison]]:
        """All comparisons, by task."""
        return {task: read_comparisons(self.results, task) for task in self.study.compared}

    def compared(self, tasks: Sequence[str], *contrasts: str | None) -> list[TaskComparison]:
        """The comparisons of some contrasts in some tasks, in the order of both."""
        return [
            (task, row)
            for contrast, task in product(contrasts, tasks)
            for row in self.comparisons.get(task, ())
            if row.contrast == contrast
        ]

    @cached_property
    def published(self) -> "Published":
        """The published results."""
        if (path := self.resources.get("published")) is None:
            raise InputError("--published: needed for this kind of table")
        return Published(path)


class Published:
    """The published results, by table, row and task. An empty field was not reported.

    The column `doubled` names the tasks whose value the row's authors printed as twice a recall.

    Attributes:
        columns: those of tasks.
    """

    def __init__(self, path: Path) -> None:
        """
        Raises:
            InputError: the file is missing or broken, has a row twice or a value that is no score,
                or `doubled` names no column.
        """
        self.path, problems, about = path, list[str](), ("table", "model", "doubled")
        self._rows: dict[tuple[str | None, str], dict[str, Cell]] = {}
        self.columns: set[str] = set()
        for line, row in enumerate(read_csv(path, about, about[:2]), start=2):
            table, model, twice = (row.pop(one) for one in about)
            doubled, cells = twice.split(), dict[str, Cell]()
            told = "is no column: name those of tasks, with spaces between them"
            unknown = (one for one in doubled if one not in row)
            problems += [f"{path}: line {line}: doubled: {one} {told}" for one in unknown]
            for task, printed in row.items():
                most, marks = (2, ("doubled",)) if task in doubled else (1, ())
                if not printed:
                    cells[task] = Cell()
                elif SCORE.fullmatch(printed) and float(printed) <= most:
                    sources = (source_name(path),)
                    cells[task] = Cell(float(printed), printed, marks=marks, sources=sources)
                else:
                    problems.append(
                        f"{path}: line {line}: {task}: {printed} is no score: write a number from "
                        "0 to 1, the best, with a point, or leave the field empty"
                    )
            self._rows[table, model] = cells
            self.columns |= row.keys()
        if problems:
            raise InputError(*problems)

    def has(self, table: str | None, model: str) -> bool:
        """Whether the row was published."""
        return (table, model) in self._rows

    def rounding(self, table: str, task: str) -> float:
        """How much the values of a column may be off, since they were rounded: half of the last
        digit that any of them has, as others may have lost zeros at their end."""
        printed = (
            row.get(task, Cell()).shown for (of, _), row in self._rows.items() if of == table
        )
        return 0.5 * 10.0 ** -max((len(one.partition(".")[2]) for one in printed), default=0)

    def cell(self, table: str | None, model: str, task: str) -> Cell:
        """The published value, with the digits as printed.

        Raises:
            InputError: no such row.
        """
        if not self.has(table, model):
            raise InputError(f"{self.path}: has no row {model} in table {table}")
        return self._rows[table, model].get(task, Cell())


def source_name(path: Path) -> str:
    """A file's name in results: never absolute, since results must not depend on where it is."""
    return path.name if path.is_absolute() else path.as_posix()


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

    # The parts of `Inputs` that it is built from.
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

    def files(self, study: TableContext) -> list[str]:
        """The results that it reads, relative to the study's results directory."""
        return list(dict.fromkeys(path for part in self.READS for path in FILES[part](study)))

    def published_rows(self) -> Iterable[tuple[str | None, str]]:
        """Published rows that it names, each with its table."""
        return ()

    def problems(self, inputs: Inputs) -> Iterator[str]:
        """What does not fit the study or the repository's files."""
        for table, row in dict.fromkeys(self.published_rows()):
            if not inputs.published.has(table, row):
                yield f"{row} is not in table {table} of {inputs.published.path}"

    @abstractmethod
    def build(self, name: str, inputs: Inputs) -> Table:
        """The table.

        Raises:
            InputError: a file is missing, altered or broken.
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
