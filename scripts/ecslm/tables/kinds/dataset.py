"""The dataset table: records, lengths, label shares, and overlap of test records with training."""

from collections.abc import Iterator
from typing import ClassVar, Literal

from pydantic import Field

from ecslm.common.manifests import read_result
from ecslm.data.checking import read_counts
from ecslm.data.reports import Report, SettingDescription, TaskDescription
from ecslm.schemas.paths import DATA_CHECK, PUBLISHED_COUNTS, description_path, leakage_path
from ecslm.schemas.record import Split
from ecslm.schemas.settings import Closed
from ecslm.tables.entry import TASK_ROWS, Entry
from ecslm.tables.inputs import Inputs, overlap_files
from ecslm.tables.model import (
    Cell,
    HeaderCell,
    Panel,
    Row,
    RowGroup,
    Table,
    count_cell,
    number_cell,
    percent_text,
)
from ecslm.tables.references import RecordsSettingName, TaskName
from ecslm.tables.settings import TableContext

# How an input may occur in training, as the reports on the overlap call it.
MATCHES = ("exact", "near")
# Of a row that has nothing to do with the column.
BLANK = Cell(shown="")


class DatasetColumn(Closed):
    """A column of the dataset table."""

    title: str
    """Head of the column."""
    split: Split
    """Split whose records are counted."""
    setting: RecordsSettingName
    """Setting whose records are counted."""


class DatasetEntry(Entry):
    """Records per task, label shares, token lengths, overlap with training."""

    READS: ClassVar = (overlap_files,)
    RESOURCES: ClassVar = {"published": PUBLISHED_COUNTS}

    kind: Literal["dataset"]
    tasks: tuple[TaskName, ...] = TASK_ROWS
    columns: tuple[DatasetColumn, ...] = Field(min_length=1)
    """Splits and settings."""

    def files(self, study: TableContext) -> list[str]:
        """The reports on the data: the check, each task's description and overlap."""
        return [DATA_CHECK, *map(description_path, self.tasks), *super().files(study)]

    def build(self, name: str, inputs: Inputs) -> Table:
        """The table from the reports on the data, with the published counts of the same data."""
        data = _Data(self, inputs)
        columns = (
            *(HeaderCell(column.title, column.title, form="count") for column in self.columns),
            HeaderCell("dropped", "Dropped", form="count"),
            HeaderCell("tokens median", "Tokens", "median", form="count"),
            HeaderCell("tokens p95", "Tokens", "p95", form="count"),
            HeaderCell("cut", "Cut", "inputs", form="count"),
            *(
                HeaderCell(f"{one.title} {match}", f"{one.title}, in training", f"{match}, %")
                for one in data.tests
                for match in MATCHES
            ),
        )
        rest = (BLANK,) * (len(columns) - len(self.columns))
        groups = []
        for task in self.tasks:
            rows = [Row(task, "other", tuple(data.cells(task)))]
            if data.published:
                counts = (data.published_count(task, column) for column in self.columns)
                cells = (count_cell(count, inputs.source("published")) for count in counts)
                rows.append(
                    Row(f"{task} published", "published", (*cells, *rest), "", ("follows",))
                )
            for label, shares in data.labels(task).items():
                rows.append(Row(f"{task} {label}", "other", (*shares, *rest)))
            groups.append(RowGroup("", tuple(rows)))
        panel = Panel("", "Task", columns, tuple(groups))
        return self.table(name, [panel], data.notes(), inputs.study.data)


class _Data:
    """The reports on the data of the table's tasks, and the published counts of the same data."""

    def __init__(self, entry: DatasetEntry, inputs: Inputs) -> None:
        self._entry, results = entry, inputs.results
        self._check = read_result(results / DATA_CHECK, Report)
        self._descriptions = {
            task: read_result(results / description_path(task), TaskDescription)
            for task in entry.tasks
        }
        self._overlap = {
            task: inputs.overlap[task] for task in entry.tasks if task in inputs.overlap
        }
        path = inputs.resources.get("published")
        counts = read_counts(path) if path and inputs.study.data.comparable else ()
        self.published = {(one.task, one.split, one.setting): one.records for one in counts}
        # Columns of test records, where any task is trained.
        self.tests = [one for one in entry.columns if one.split == "test" and self._overlap]

    def published_count(self, task: str, column: DatasetColumn) -> int | None:
        """The published number of a task's records in a column."""
        return self.published.get((task, column.split, column.setting))

    def cells(self, task: str) -> Iterator[Cell]:
        """The row of a task: its records, what was dropped, lengths, and overlap with training."""
        path = (description_path(task),)
        shown = self._described(task)
        known = [found for found in shown if found]
        yield from (count_cell(found.records, path) if found else Cell() for found in shown)
        yield count_cell(self._check.dropped_of(task), (DATA_CHECK,))
        longest = max(known, key=lambda found: found.prompt_tokens.p95, default=None)
        for quantile in ("p50", "p95"):
            yield count_cell(getattr(longest.prompt_tokens, quantile), path) if longest else Cell()
        yield count_cell(sum(found.truncated for found in known), path)
        for column in self.tests:
            found = self._overlap[task].settings if task in self._overlap else {}
            overlap = found.get(column.setting)
            for match in MATCHES:
                if overlap and overlap.records:
                    yield _share(getattr(overlap, match), overlap.records, leakage_path(task))
                else:
                    yield Cell()

    def labels(self, task: str) -> dict[str, list[Cell]]:
        """The share of each label among the records of each column; none if answers are no
        classes."""
        labels = [found.labels if found else None for found in self._described(task)]
        path = description_path(task)
        return {
            label: [
                _share(one.get(label, 0), sum(one.values()), path, " %") if one else BLANK
                for one in labels
            ]
            for label in sorted({label for one in labels for label in one or ()})
        }

    def notes(self) -> Iterator[str]:
        """What the columns mean, and what else is known of the data."""
        entry, check = self._entry, self._check
        yield "Rows below a task: the shares of its labels. --: the data have no such records."
        if self.published:
            differing = dict.fromkeys(
                task
                for task in entry.tasks
                for column, found in zip(entry.columns, self._described(task), strict=True)
                if (found.records if found else 0) != (self.published_count(task, column) or 0)
            )
            named = f"Counts differ from the published ones for: {', '.join(differing)}."
            yield named if differing else "All counts equal the published ones."
        if check.dropped:
            kinds = ", ".join(f"{kind} {found.count}" for kind, found in check.problems.items())
            yield (
                "Dropped: rows of the task, of any split and setting, that cannot be used. In the "
                f"whole source: {kinds}; {check.elsewhere} of them belong to no known task, "
                "split and setting."
            )
        yield (
            "Tokens: of complete prompts, counted by the tokenizer of "
            f"{self._descriptions[entry.tasks[0]].tokenizer}, in the column with "
            "the longest ones. Cut: inputs cut to the maximum length."
        )
        for report in list(self._overlap.values())[:1]:
            yield (
                "Exact: the input is that of a training record of the task. Near: the Jaccard "
                f"index of {report.shingle_words}-word shingles is at least {report.jaccard}, or "
                "exact."
            )

    def _described(self, task: str) -> list[SettingDescription | None]:
        """The description of a task's records in each column, if it has any."""
        splits = self._descriptions[task].splits
        return [splits.get(one.split, {}).get(one.setting) for one in self._entry.columns]


def _share(part: int, whole: int, source: str, sign: str = "") -> Cell:
    return number_cell(part / whole, lambda share: percent_text(share) + sign, (source,))
