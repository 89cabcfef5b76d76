"""What tables are built from: the results of a study and files of the repository, read once."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path

from ecslm.common.errors import InputError
from ecslm.common.files import read_csv
from ecslm.common.manifests import read_result
from ecslm.comparisons.results import Comparison, read_comparisons
from ecslm.data.card.reports import Leakage
from ecslm.models.architecture import read_architectures
from ecslm.schemas.paths import comparison_path, leakage_path
from ecslm.tables.model import Cell
from ecslm.tables.scores import Scores
from ecslm.tables.settings import TableContext

# A comparison with its task.
TaskComparison = tuple[str, Comparison]


def comparison_files(study: TableContext) -> list[str]:
    """The comparisons of each task in which some contrast compares something."""
    return [comparison_path(task) for task in _compared(study)]


def overlap_files(study: TableContext) -> list[str]:
    """The reports on the overlap of test records with training, of the tasks that have both."""
    return [leakage_path(task) for task in _trained(study)]


class Inputs:
    """Whatever tables are built from; each part is read when a table first asks for it.

    Whatever is asked for may end in an InputError: a file is missing, altered or broken.

    Attributes:
        results: the study's results directory.
        resources: files of the repository, by the option of render_table.py that names them.
    """

    def __init__(
        self, study: TableContext, results: Path, resources: Mapping[str, Path] | None = None
    ) -> None:
        self.study, self.results = study, results
        self.resources = resources or {}

    @cached_property
    def scores(self) -> "Scores":
        """The scores of all rows."""
        return Scores(self.results, self.study)

    @cached_property
    def comparisons(self) -> list[TaskComparison]:
        """All comparisons, each with its task."""
        return [
            (task, row)
            for task in _compared(self.study)
            for row in read_comparisons(self.results, task)
        ]

    def compared(self, tasks: Sequence[str], *contrasts: str | None) -> list[TaskComparison]:
        """The comparisons of some contrasts in some tasks, in the order of both."""
        return [
            (task, row)
            for contrast in contrasts
            for task in tasks
            for of_task, row in self.comparisons
            if (of_task, row.contrast) == (task, contrast)
        ]

    @cached_property
    def overlap(self) -> dict[str, Leakage]:
        """The overlap of test records with training, by task."""
        return {
            task: read_result(self.results / leakage_path(task), Leakage)
            for task in _trained(self.study)
        }

    @cached_property
    def published(self) -> "Published":
        """The published results."""
        return Published(self.required("published"))

    @cached_property
    def architectures(self) -> dict[str, dict[str, str]]:
        """The sizes of models."""
        return read_architectures(self.required("architectures"))

    def required(self, option: str) -> Path:
        """A file of the repository that a table cannot do without."""
        if option not in self.resources:
            raise InputError(f"--{option}: needed for this kind of table")
        return self.resources[option]

    def source(self, option: str) -> tuple[str, ...]:
        """Such a file as the source of a cell."""
        return (source_name(self.required(option)),)


class Published:
    """The published results, by table, row and task. An empty field was not reported.

    The column `doubled` names the tasks whose value the row's authors printed as twice a recall.
    """

    def __init__(self, path: Path) -> None:
        """
        Raises:
            InputError: the file is missing or broken, has a row twice, or `doubled` names no
                column.
        """
        self.path = path
        self._rows: dict[tuple[str, str], dict[str, str]] = {}
        rows = read_csv(path, ("table", "model", "doubled"), ("table", "model"))
        for line, row in enumerate(rows, start=2):
            if unknown := [task for task in row["doubled"].split() if task not in row]:
                raise InputError(
                    f"{path}: line {line}: doubled: {unknown[0]} is no column: name those of "
                    "tasks, with spaces between them"
                )
            self._rows[row["table"], row["model"]] = row

    def has(self, table: str | None, model: str) -> bool:
        """Whether the row was published."""
        return (table, model) in self._rows

    def rounding(self, table: str, task: str) -> float:
        """How much the values of a column may be off, since they were rounded: half of the last
        digit that any of them has, as others may have lost zeros at their end."""
        printed = (row.get(task, "") for (name, _), row in self._rows.items() if name == table)
        return 0.5 * 10.0 ** -max((len(one.partition(".")[2]) for one in printed), default=0)

    def cell(self, table: str | None, model: str, task: str) -> Cell:
        """The published value, with the digits as printed.

        Raises:
            InputError: no such row, or the value is not a score.
        """
        if not self.has(table, model):
            raise InputError(f"{self.path}: has no row {model} in table {table}")
        row = self._rows[str(table), model]
        printed = row.get(task, "")
        if not printed:
            return Cell()
        doubled = task in row["doubled"].split()
        where = f"{self.path}: {table}, {model}, {task}"
        try:
            value = float(printed)
        except ValueError:
            raise InputError(f"{where}: not a number ({printed})") from None
        # Not so of nan either.
        if not abs(value) <= (2 if doubled else 1):
            raise InputError(f"{where}: {printed} is no score: 1 is the best, not 100 per cent")
        marks = ("doubled",) if doubled else ()
        return Cell(value, printed, marks=marks, sources=(source_name(self.path),))


def source_name(path: Path) -> str:
    """A file's name in results: never absolute, since results must not depend on where it is."""
    return path.name if path.is_absolute() else path.as_posix()


def _compared(study: TableContext) -> Iterator[str]:
    compared = {task for contrast in study.contrasts.values() for task in contrast.tasks}
    return (task for task in sorted(study.tasks) if task in compared)


def _trained(study: TableContext) -> Iterator[str]:
    return (name for name, task in sorted(study.tasks.items()) if task.test and task.train)
