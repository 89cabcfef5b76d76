"""The schema of the report on a whole source."""

from pydantic import Field

from ecslm.data.problems import FoundProblems, Kind
from ecslm.schemas.record import Split
from ecslm.schemas.settings import Closed


class Count(Closed):
    """Numbers of one task, split and setting."""

    rows: int = Field(description="Rows in the source.")
    records: int = Field(description="Rows that can be used.")


class Report(Closed):
    """What a source contains, and its problems."""

    files: dict[str, str] = Field(description="sha256 of each file by its name.")
    problems: dict[Kind, FoundProblems] = Field(description="Rows that cannot be used.")
    dropped: int = Field(description="The number of rows that cannot be used.")
    elsewhere: int = Field(
        description="Of these, rows that belong to no known task, split and setting."
    )
    tasks: dict[str, dict[Split, dict[str, Count]]] = Field(description="Numbers by task code.")
    differing: tuple[str, ...] = Field(description="Counts that differ from the published ones.")

    def dropped_of(self, task: str) -> int:
        """Rows of a task, of any split and setting, that cannot be used."""
        return sum(
            count.rows - count.records
            for settings in self.tasks.get(task, {}).values()
            for count in settings.values()
        )
