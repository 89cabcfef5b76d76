"""The dataset table: records, lengths, label shares, and overlap of test records with training."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from pydantic import Field

from ecslm.common.manifests import read_result
from ecslm.data.card.reports import Leakage, SettingDescription, SettingLeakage, TaskDescription
from ecslm.data.published import read_counts
from ecslm.data.report import Report
from ecslm.schemas.paths import DATA_CHECK, PUBLISHED_COUNTS, description_path, leakage_path
from ecslm.schemas.record import Split
from ecslm.schemas.settings import Closed
from ecslm.tables.kind import Kind, TableRequest
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
from ecslm.tables.notes import data_note
from ecslm.tables.references import RecordsSettingName, TaskName
from ecslm.tables.settings import Entry
from ecslm.tables.sources import Sources, source_name

# Of a row that has nothing to do with the column.
BLANK = Cell(shown="")

# Records by task, split and setting.
PublishedCounts = dict[tuple[str, str, str], int]


class DatasetColumn(Closed):
    """A column of the dataset table."""

    title: str = Field(description="Head of the column.")
    split: Split = Field(description="Split whose records are counted.")
    setting: RecordsSettingName = Field(description="Setting whose records are counted.")


class DatasetEntry(Entry):
    """Records per task, label shares, token lengths, overlap with training."""

    kind: Literal["dataset"]
    tasks: tuple[TaskName, ...] = Field(min_length=1, description="Rows: task codes, in order.")
    columns: tuple[DatasetColumn, ...] = Field(min_length=1, description="Splits and settings.")


Request = TableRequest[DatasetEntry]


@dataclass(frozen=True)
class _Data:
    """The reports on the data of the table's tasks, and the published counts of the same data."""

    entry: DatasetEntry
    check: Report
    descriptions: dict[str, TaskDescription]
    leakage: dict[str, Leakage]
    published: PublishedCounts

    @property
    def tests(self) -> list[DatasetColumn]:
        """Columns of test records, where any task is trained."""
        return [one for one in self.entry.columns if one.split == "test" and self.leakage]

    def records(self, task: str, column: DatasetColumn) -> SettingDescription | None:
        """The description of a task's records in a column, if it has any."""
        splits = self.descriptions[task].splits
        return splits.get(column.split, {}).get(column.setting)

    def counted(self, task: str, column: DatasetColumn) -> int | None:
        """The published number of these records."""
        return self.published.get((task, column.split, column.setting))

    def overlap(self, task: str, column: DatasetColumn) -> SettingLeakage | None:
        """The overlap of a task's test records in a column with training."""
        report = self.leakage.get(task)
        return None if report is None else report.settings.get(column.setting)


def files(request: Request) -> list[str]:
    """The reports on the data: the check, each task's description and overlap."""
    descriptions = map(description_path, request.table.tasks)
    return [DATA_CHECK, *descriptions, *request.context.leakage_files().values()]


def build(name: str, request: Request, sources: Sources) -> Table:
    """The table from the reports on the data, with the published counts of the same data."""
    entry, results = request.table, sources.results
    path = sources.resources.get("published")
    counts = read_counts(path) if path and request.data.comparable else ()
    data = _Data(
        entry=entry,
        check=read_result(results / DATA_CHECK, Report),
        descriptions={
            task: read_result(results / description_path(task), TaskDescription)
            for task in entry.tasks
        },
        leakage={
            task: read_result(results / one, Leakage)
            for task, one in request.context.leakage_files().items()
        },
        published={(row.task, row.split, row.setting): row.records for row in counts},
    )
    columns = (
        *(HeaderCell(column.title, column.title, form="count") for column in entry.columns),
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
    rest = (BLANK,) * (len(columns) - len(entry.columns))
    groups = []
    for task in entry.tasks:
        rows = [Row(task, "other", tuple(_cells(data, task)))]
        if path and data.published:
            source = (source_name(path),)
            cells = [count_cell(data.counted(task, one), source) for one in entry.columns]
            marks = ("follows",)
            rows.append(Row(f"{task} published", "published", (*cells, *rest), marks=marks))
        labelled = _labels(data, task)
        rows += [Row(f"{task} {one}", "other", (*found, *rest)) for one, found in labelled.items()]
        groups.append(RowGroup("", tuple(rows)))
    notes = (*_notes(data), data_note(request.data))
    return entry.table(name, [Panel("", "Task", columns, tuple(groups))], notes)


def _cells(data: _Data, task: str) -> Iterator[Cell]:
    path, columns = (description_path(task),), data.entry.columns
    shown = [data.records(task, column) for column in columns]
    known = [found for found in shown if found]
    yield from (count_cell(found.records, path) if found else Cell() for found in shown)
    yield count_cell(data.check.dropped_of(task), (DATA_CHECK,))
    longest = max(known, key=lambda found: found.prompt_tokens.p95, default=None)
    lengths = longest.prompt_tokens if longest else None
    yield count_cell(lengths.p50, path) if lengths else Cell()
    yield count_cell(lengths.p95, path) if lengths else Cell()
    yield count_cell(sum(found.truncated for found in known), path)
    for column in data.tests:
        overlap = data.overlap(task, column)
        if overlap is None or not overlap.records:
            yield from (Cell(), Cell())
        else:
            yield _share(overlap.exact, overlap.records, leakage_path(task))
            yield _share(overlap.near, overlap.records, leakage_path(task))


def _labels(data: _Data, task: str) -> dict[str, list[Cell]]:
    """The share of each label among the records of each column; none if answers are no classes."""
    labels = [
        (found := data.records(task, column)) and found.labels for column in data.entry.columns
    ]
    path = description_path(task)
    return {
        label: [
            _share(one.get(label, 0), sum(one.values()), path, " %") if one else BLANK
            for one in labels
        ]
        for label in sorted({label for one in labels if one for label in one})
    }


def _share(part: int, whole: int, source: str, sign: str = "") -> Cell:
    return number_cell(part / whole, lambda share: percent_text(share) + sign, (source,))


def _notes(data: _Data) -> Iterator[str]:
    yield "Rows below a task: the shares of its labels. --: the data have no such records."
    if data.published:
        differing = [task for task in data.entry.tasks if _differs(data, task)]
        if differing:
            yield f"Counts differ from the published ones for: {', '.join(differing)}."
        else:
            yield "All counts equal the published ones."
    if data.check.dropped:
        kinds = ", ".join(f"{kind} {found.count}" for kind, found in data.check.problems.items())
        yield (
            "Dropped: rows of the task, of any split and setting, that cannot be used. In the "
            f"whole source: {kinds}; {data.check.elsewhere} of them belong to no known task, "
            "split and setting."
        )
    tokenizer = next(iter(data.descriptions.values())).tokenizer
    yield (
        f"Tokens: of complete prompts, counted by the tokenizer of {tokenizer}, in the column with "
        "the longest ones. Cut: inputs cut to the maximum length."
    )
    if data.leakage:
        report = next(iter(data.leakage.values()))
        yield (
            "Exact: the input is that of a training record of the task. Near: the Jaccard index of "
            f"{report.shingle_words}-word shingles is at least {report.jaccard}, or exact."
        )
        yield f"Instructions that occur in training: {'; '.join(_instructions(data))}."
    for what, part in (
        ("the query occurs in training records of any task", "queries"),
        ("the history contains a right answer of training", "history_targets"),
    ):
        shares = [
            f"{task} ({column.title}) {shared.shared} of {shared.records}"
            for task in data.leakage
            for column in data.tests
            if (shared := getattr(data.overlap(task, column), part, None)) is not None
        ]
        if shares:
            yield f"Test records in which {what}: {', '.join(shares)}."


def _instructions(data: _Data) -> Iterator[str]:
    """Whether training has each test column's instructions, by task where tasks disagree."""
    for column in data.tests:
        found = {
            task: overlap.instruction
            for task in data.leakage
            if (overlap := data.overlap(task, column))
        }
        if len(set(found.values())) == 1:
            yield f"{column.title} {next(iter(found.values()))}"
        elif found:
            tasks = ", ".join(f"{task} {label}" for task, label in found.items())
            yield f"{column.title} mixed ({tasks})"


def _differs(data: _Data, task: str) -> bool:
    counts = {one: data.records(task, one) for one in data.entry.columns}
    return any(
        (found.records if found else 0) != (data.counted(task, column) or 0)
        for column, found in counts.items()
    )


KIND = Kind(entry=DatasetEntry, build=build, files=files, resources={"published": PUBLISHED_COUNTS})
