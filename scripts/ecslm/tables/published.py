"""Published results: rows of a study.csv as cells."""

from pathlib import Path

from ecslm.common.csv_rows import read_csv
from ecslm.common.errors import InputError
from ecslm.tables.model import Cell
from ecslm.tables.sources import source_name


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
        self._path = path
        self._rows: dict[tuple[str, str], dict[str, str]] = {}
        for line, row in enumerate(read_csv(path, ("table", "model", "doubled")), start=2):
            name = row["table"], row["model"]
            if name in self._rows:
                raise InputError(
                    f"{path}: line {line}: {', '.join(name)}: duplicates an earlier line"
                )
            if unknown := [task for task in row["doubled"].split() if task not in row]:
                raise InputError(
                    f"{path}: line {line}: doubled: {unknown[0]} is no column: name those of "
                    "tasks, with spaces between them"
                )
            self._rows[name] = row

    def has(self, table: str, model: str) -> bool:
        """Whether the row was published."""
        return (table, model) in self._rows

    def cell(self, table: str, model: str, task: str) -> Cell:
        """The published value, with the digits as printed.

        Raises:
            InputError: no such row, or the value is not a score.
        """
        row = self._rows.get((table, model))
        if row is None:
            raise InputError(f"{self._path}: has no row {model} in table {table}")
        printed = row.get(task, "")
        if not printed:
            return Cell()
        doubled = task in row["doubled"].split()
        where = f"{self._path}: {table}, {model}, {task}"
        try:
            value = float(printed)
        except ValueError:
            raise InputError(f"{where}: not a number ({printed})") from None
        # Not so of nan either.
        if not abs(value) <= (2 if doubled else 1):
            raise InputError(f"{where}: {printed} is no score: 1 is the best, not 100 per cent")
        return Cell(
            value=value,
            shown=printed,
            marks=("doubled",) if doubled else (),
            sources=(source_name(self._path),),
        )
