"""What entries of `tables:` in config.yaml share: a kind of table is a class of entries that knows
what it reads and how it is built."""

from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field

from ecslm.schemas.settings import Closed
from ecslm.tables.inputs import Inputs
from ecslm.tables.model import Cell, IntervalsPlace, Layout, Panel, Table
from ecslm.tables.scores import Measured
from ecslm.tables.settings import TableContext

# Columns or rows, which the study's tasks fill (`ecslm.config.groups`): never empty.
TASKS = Field(
    (),
    min_length=1,
    validate_default=True,
    description="Task codes, in order (default: the study's tasks; out of domain, those that have "
    "records there).",
)


class Entry(Closed):
    """Fields of every table. A field that names a part of the study has a type of `settings`."""

    # The files that it reads of a study, relative to its results directory.
    READS: ClassVar[tuple[Callable[[TableContext], Iterable[str]], ...]] = ()
    # Files of the repository that it reads, by the option of render_table.py.
    RESOURCES: ClassVar[Mapping[str, Path]] = {}

    caption: str
    """Caption, plain text."""
    label: str = Field("", pattern=r"^[A-Za-z0-9:._-]+$", validate_default=True)
    """LaTeX label, for example `tab:ind` (default: of the table's name)."""
    wide: bool = False
    """Whether it spans both columns of a two-column LaTeX document."""
    kind: str

    def files(self, study: TableContext) -> list[str]:
        """The results that it reads, relative to the study's results directory."""
        return list(dict.fromkeys(path for files in self.READS for path in files(study)))

    def problems(self, inputs: Inputs) -> Iterable[str]:  # noqa: ARG002
        """What does not fit the study or the repository's files, as `field: message`."""
        return ()

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


class IntervalsEntry(Entry):
    """Fields of every table with intervals."""

    intervals: IntervalsPlace = "below"
    """Where intervals or standard deviations stand in LaTeX, if at all."""


class ScoresEntry(IntervalsEntry):
    """Fields of every table of headline scores."""

    spread: Literal["interval", "sd"] = "interval"
    """Shown with a value: its 95 % interval over records (with several seeds, of their mean), or
    its standard deviation over seeds, if there are several."""

    def headline(self, measured: Measured | None) -> Cell:
        """The headline cell of what may not have been measured."""
        if measured is None:
            return Cell()
        return measured.cell if self.spread == "interval" else measured.plain
