"""The schema of the report on a whole source."""

from ecslm.data.problems import FoundProblems, Kind
from ecslm.schemas.record import Split
from ecslm.schemas.settings import Closed


class Count(Closed):
    """Numbers of one task, split and setting: rows in the source, and those that can be used."""

    rows: int
    records: int


class Report(Closed):
    """What a source contains, and its problems.

    Attributes:
        files: sha256 of each file by its name.
        problems: rows that cannot be used.
        dropped: how many they are.
        elsewhere: of these, rows that belong to no known task, split and setting.
        tasks: numbers by task code, split and setting.
        differing: counts that differ from the published ones.
    """

    files: dict[str, str]
    problems: dict[Kind, FoundProblems]
    dropped: int
    elsewhere: int
    tasks: dict[str, dict[Split, dict[str, Count]]]
    differing: tuple[str, ...]

    def dropped_of(self, task: str) -> int:
        """Rows of a task, of any split and setting, that cannot be used."""
        return sum(
            count.rows - count.records
            for settings in self.tasks.get(task, {}).values()
            for count in settings.values()
        )
