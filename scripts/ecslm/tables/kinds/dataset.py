"""The dataset table: records, lengths, label shares, and overlap of test records with training."""

from collections.abc import Iterator
from typing import ClassVar, Literal

from pydantic import Field

from ecslm.common.manifests import read_result
from ecslm.data.card.reports import SettingDescription, SettingLeakage, TaskDescription
from ecslm.data.published import read_counts
from ecslm.data.report import Report
from ecslm.schemas.paths import DATA_CHECK, PUBLISHED_COUNTS, description_path, leakage_path
from ecslm.schemas.record import Split
from ecslm.schemas.settings import Closed
from ecslm.tables.entry import Entry
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

# Of a row that has nothing to do with the column.
BLANK = Cell(shown="")


class DatasetColumn(Closed):
    """A column of the dataset table."""

    title: str = Field(description="Head of the column.")
    split: Split = Field(description="Split whose records are counted.")
    setting: RecordsSettingName = Field(description="Setting whose records are counted.")


class DatasetEntry(Entry):
    """Records per task, label shares, token lengths, overlap with training."""

    READS: ClassVar = (overlap_files,)
    RESOURCES: ClassVar = {"published": PUBLISHED_COUNTS}

    kind: Literal["dataset"]
    tasks: tuple[TaskName, ...] = Field(min_length=1, description="Rows: task codes, in order.")
    columns: tuple[DatasetColumn, ...] = Field(min_length=1, description="Splits and settings.")

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
                HeaderCell(f"{one.title} {kind}", f"{one.title}, in training", f"{kind}, %")
                for one in data.tests
                for kind in ("exact", "near")
            ),
        )
        rest = (BLANK,) * (len(columns) - len(self.columns))
        groups = []
        for task in self.tasks:
            rows = [Row(task, "other", tuple(data.cells(task)))]
            if data.published:
                source = inputs.source("published")
                counts = (
                    count_cell(data.published_count(task, one), source) for one in self.columns
                )
                row = Row(f"{task} published", "published", (*counts, *rest), marks=("follows",))
                rows.append(row)
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
        shown = [self._described(task, column) for column in self._entry.columns]
        known = [found for found in shown if found]
        yield from (count_cell(found.records, path) if found else Cell() for found in shown)
        yield count_cell(self._check.dropped_of(task), (DATA_CHECK,))
        longest = max(known, key=lambda found: found.prompt_tokens.p95, default=None)
        for quantile in ("p50", "p95"):
            yield count_cell(getattr(longest.prompt_tokens, quantile), path) if longest else Cell()
        yield count_cell(sum(found.truncated for found in known), path)
        for column in self.tests:
            overlap = self._overlapping(task, column)
            if overlap is None:
                yield from (Cell(), Cell())
            else:
                for count in (overlap.exact, overlap.near):
                    yield _share(count, overlap.records, leakage_path(task))

    def labels(self, task: str) -> dict[str, list[Cell]]:
        """The share of each label among the records of each column; none if answers are no
        classes."""
        described = [self._described(task, column) for column in self._entry.columns]
        labels = [found.labels if found else None for found in described]
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
        yield "Rows below a task: the shares of its labels. --: the data have no such records."
        if self.published:
            counts = (
                (task, self._described(task, one), self.published_count(task, one))
                for task in self._entry.tasks
                for one in self._entry.columns
            )
            differing = dict.fromkeys(
                task
                for task, found, published in counts
                if (found.records if found else 0) != (published or 0)
            )
            named = f"Counts differ from the published ones for: {', '.join(differing)}."
            yield named if differing else "All counts equal the published ones."
        check = self._check
        if check.dropped:
            kinds = ", ".join(f"{kind} {found.count}" for kind, found in check.problems.items())
            yield (
                "Dropped: rows of the task, of any split and setting, that cannot be used. In the "
                f"whole source: {kinds}; {check.elsewhere} of them belong to no known task, "
                "split and setting."
            )
        yield (
            "Tokens: of complete prompts, counted by the tokenizer of "
            f"{self._descriptions[self._entry.tasks[0]].tokenizer}, in the column with "
            "the longest ones. Cut: inputs cut to the maximum length."
        )
        for report in list(self._overlap.values())[:1]:
            yield (
                "Exact: the input is that of a training record of the task. Near: the Jaccard "
                f"index of {report.shingle_words}-word shingles is at least {report.jaccard}, or "
                "exact."
            )
            yield f"Instructions that occur in training: {'; '.join(self._instructions())}."
        for what, part in (
            ("the query occurs in training records of any task", "queries"),
            ("the history contains a right answer of training", "history_targets"),
        ):
            shares = [
                f"{task} ({column.title}) {shared.shared} of {shared.records}"
                for task in self._overlap
                for column in self.tests
                if (shared := getattr(self._overlapping(task, column), part, None)) is not None
            ]
            if shares:
                yield f"Test records in which {what}: {', '.join(shares)}."

    def _instructions(self) -> Iterator[str]:
        """Whether training has each test column's instructions, by task where tasks disagree."""
        for column in self.tests:
            found = {
                task: overlap.instruction
                for task in self._overlap
                if (overlap := self._overlapping(task, column))
            }
            labels = set(found.values())
            mixed = ", ".join(f"{task} {label}" for task, label in found.items())
            if found:
                yield f"{column.title} {labels.pop() if len(labels) == 1 else f'mixed ({mixed})'}"

    def _described(self, task: str, column: DatasetColumn) -> SettingDescription | None:
        """The description of a task's records in a column, if it has any."""
        return self._descriptions[task].splits.get(column.split, {}).get(column.setting)

    def _overlapping(self, task: str, column: DatasetColumn) -> SettingLeakage | None:
        """The overlap of a task's test records in a column with training, if it has any."""
        found = self._overlap[task].settings.get(column.setting) if task in self._overlap else None
        return found if found and found.records else None


def _share(part: int, whole: int, source: str, sign: str = "") -> Cell:
    return number_cell(part / whole, lambda share: percent_text(share) + sign, (source,))
