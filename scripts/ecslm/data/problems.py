"""Problems of raw rows, counted by kind; the first few of each kind are reported."""

from collections.abc import Collection, Iterable
from typing import Literal, get_args

from pydantic import BaseModel

from ecslm.common.errors import Problem, refuse
from ecslm.common.text import number_of

Kind = Literal[
    "unreadable_row",
    "missing_field",
    "empty_field",
    "unwritable_text",
    "unknown_task",
    "unknown_split",
    "unknown_setting",
    "bad_input",
    "bad_options",
    "bad_output",
    "bad_example",
    "answer_not_in_options",
    "label_disagreement",
    "duplicate_record",
]

# Problems of rows that belong to no dataset file.
MISPLACED: tuple[Kind, ...] = ("unknown_task", "unknown_split", "unknown_setting")

# Problems of each kind that are reported one by one.
MOST_REPORTED = 5
# The kind of the last line, which says how rows with problems are dropped.
FIX = "fix"


class RowError(Exception):
    """A row that cannot become a record: the kind of its problem, and a message."""

    def __init__(self, kind: Kind, message: str) -> None:
        self.kind, self.message = kind, message
        super().__init__(message)


class FoundProblems(BaseModel, extra="forbid"):
    """The problems of one kind."""

    count: int = 0
    """Number of rows."""
    first: list[str] = []
    """The first few: place and message."""


class Problems(BaseModel, extra="forbid"):
    """Rows that cannot be used, by kind."""

    found: dict[Kind, FoundProblems] = {}

    def add(self, kind: Kind, where: str, message: str) -> None:
        """Add a problem of the row at `where`."""
        found = self.found.setdefault(kind, FoundProblems())
        found.count += 1
        if len(found.first) < MOST_REPORTED:
            found.first.append(f"{where}: {message}")

    def by_kind(self, tolerated: Collection[Kind] = ()) -> dict[Kind, FoundProblems]:
        """Problems that are not tolerated, kinds in the order of their definition."""
        kinds = (kind for kind in get_args(Kind) if kind not in tolerated)
        return {kind: self.found[kind] for kind in kinds if kind in self.found}

    def total(self) -> int:
        """The number of rows that cannot be used."""
        return sum(found.count for found in self.found.values())

    def raise_unless(self, tolerated: Collection[Kind], more: Iterable[str] = ()) -> None:
        """Stop if any problem is not tolerated.

        Args:
            more: further problems, which are never tolerated.

        Raises:
            InputError: a line for each of the first problems of each kind.
        """
        found = self.by_kind(tolerated)
        lines: list[str | Problem] = []
        for kind, one in found.items():
            lines += one.first
            if others := one.count - len(one.first):
                lines.append(f"and {number_of(others, 'more row')} ({kind})")
        lines += more
        if found:
            rows = number_of(sum(one.count for one in found.values()), "row")
            drop = ", ".join(kind for kind in get_args(Kind) if kind in (*found, *tolerated))
            told = (
                f"{rows} cannot be used: fix the data, or drop and count them with `tolerate: "
                f"[{drop}]` in `data` of the study"
            )
            lines.append(Problem(told, kind=FIX))
        refuse(lines)
