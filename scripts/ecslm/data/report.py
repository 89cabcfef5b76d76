"""The form of the report on a source as a whole."""

from pydantic import BaseModel, ConfigDict, Field

from ecslm.data.problems import Found, Kind
from ecslm.schemas.record import Split


class Closed(BaseModel):
    """A part of the report: unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Count(Closed):
    """Rows of one task, split and setting."""

    rows: int = Field(description="In the source.")
    records: int = Field(description="That can be used.")


class Report(Closed):
    """What a source holds, and what is wrong with it."""

    files: dict[str, str] = Field(description="sha256 of each file by its name.")
    problems: dict[Kind, Found] = Field(description="Rows that cannot be used.")
    dropped: int = Field(description="The number of rows that cannot be used.")
    elsewhere: int = Field(
        description="Those among them that belong to no known task, split and setting."
    )
    tasks: dict[str, dict[Split, dict[str, Count]]] = Field(description="By task code.")
    differing: tuple[str, ...] = Field(description="Counts other than the published ones.")

    def dropped_of(self, task: str) -> int:
        """Rows of a task, of any split and setting, that cannot be used."""
        return sum(
            count.rows - count.records
            for settings in self.tasks.get(task, {}).values()
            for count in settings.values()
        )
