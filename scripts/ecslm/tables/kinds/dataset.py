"""The dataset table: records, lengths, label shares, and overlap of test records with training."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import Field

from ecslm.common.manifests import read_result
from ecslm.data.card.reports import Leakage, SettingDescription, SettingLeakage, TaskDescription
from ecslm.data.published import read_counts
from ecslm.data.report import Report
from ecslm.schemas.paths import DATA_CHECK, PUBLISHED_COUNTS, description_path, leakage_path
from ecslm.schemas.record import Split
from ecslm.schemas.settings import Closed
from ecslm.tables.kind import Kind
from ecslm.tables.leakage import leakage_files, read_leakage
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
from ecslm.tables.requests import TableRequest
from ecslm.tables.settings import Entry
from ecslm.tables.sources import Sources, source_name

# Of a row that has nothing to do with the column.
BLANK = Cell(shown="")

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
    """The reports on the data."""

    check: Report
    descriptions: dict[str, TaskDescription]
    leakage: dict[str, Leakage]

    def records(self, task: str, column: DatasetColumn) -> SettingDescription | None:
        """The description of a task's records in a column, if it has any."""
        splits = self.descriptions[task].splits
        return splits.get(column.split, {}).get(column.setting)

    def overlap(self, task: str, column: DatasetColumn) -> SettingLeakage | None:
        """The overlap of a task's test records in a column with training."""
        report = self.leakage.get(task)
        return None if report is None else report.settings.get(column.setting)


def files(request: Request) -> list[str]:
    """The reports on the data: the check, each task's description and overlap."""
    tasks = request.table.tasks
    return [DATA_CHECK, *map(description_path, tasks), *leakage_files(request.context, tasks)]


def build(name: str, request: Request, sources: Sources) -> Table:
    """The table from the reports on the data, with the published counts of the same data."""
    entry = request.table
    data = _read(request, sources.results)
    published: PublishedCounts = {}
    path = sources.resources.get("published")
    if path is not None and request.data.comparable:
        counts = read_counts(path)
        published = {(row.task, row.split, row.setting): row.records for row in counts}
    source = source_name(path) if path else ""

    columns = (*_record_columns(entry), *_overlap_columns(entry, data))
    groups = []
    for task in entry.tasks:
        rows = [_record_row(entry, data, task)]
        if published:
            rows.append(_published_row(entry, published, source, task, columns))
        groups.append(RowGroup("", (*rows, *_label_rows(entry, data, task, columns))))
    return Table(
        name=name,
        kind=entry.kind,
        caption=entry.caption,
        label=entry.label,
        panels=(Panel("", "Task", columns, tuple(groups)),),
        notes=tuple(_notes(entry, request, data, published)),
    )


def _read(request: Request, results: Path) -> _Data:
    tasks = request.table.tasks
    return _Data(
        check=read_result(results / DATA_CHECK, Report),
        descriptions={
            task: read_result(results / description_path(task), TaskDescription) for task in tasks
        },
        leakage=read_leakage(results, request.context, tasks),
    )


def _record_columns(entry: DatasetEntry) -> tuple[HeaderCell, ...]:
    return (
        *(HeaderCell(column.title, column.title, form="count") for column in entry.columns),
        HeaderCell("dropped", "Dropped", form="count"),
        HeaderCell("tokens median", "Tokens", "median", form="count"),
        HeaderCell("tokens p95", "Tokens", "p95", form="count"),
        HeaderCell("cut", "Cut", "inputs", form="count"),
    )


def _record_row(entry: DatasetEntry, data: _Data, task: str) -> Row:
    path = (description_path(task),)
    cells: list[Cell] = []
    for column in entry.columns:
        found = data.records(task, column)
        cells.append(count_cell(found.records, path) if found else Cell())
    cells.append(count_cell(data.check.dropped_of(task), (DATA_CHECK,)))
    shown = [found for column in entry.columns if (found := data.records(task, column))]
    longest = max(shown, key=lambda found: found.prompt_tokens.p95, default=None)
    lengths = longest.prompt_tokens if longest else None
    cells.append(count_cell(lengths.p50, path) if lengths else Cell())
    cells.append(count_cell(lengths.p95, path) if lengths else Cell())
    cells.append(count_cell(sum(found.truncated for found in shown), path))
    return Row(name=task, kind="other", cells=(*cells, *_overlap_cells(entry, data, task)))


def _published_row(
    entry: DatasetEntry,
    published: PublishedCounts,
    source: str,
    task: str,
    columns: Sequence[HeaderCell],
) -> Row:
    """The published counts of a task's records."""
    counts = {
        column.title: published.get((task, column.split, column.setting))
        for column in entry.columns
    }
    cells = tuple(
        count_cell(counts[column.key], (source,)) if column.key in counts else BLANK
        for column in columns
    )
    return Row(f"{task} published", "published", cells, marks=("follows",))


def _label_rows(
    entry: DatasetEntry, data: _Data, task: str, columns: Sequence[HeaderCell]
) -> Iterator[Row]:
    """Shares of each label among the records, a row each; none if answers are not classes."""
    counts = {
        column.title: found.labels
        for column in entry.columns
        if (found := data.records(task, column)) and found.labels
    }
    for label in sorted(set().union(*counts.values())):
        shares = {
            title: _share_cell(one.get(label, 0), sum(one.values()), description_path(task))
            for title, one in counts.items()
        }
        cells = tuple(shares.get(column.key, BLANK) for column in columns)
        yield Row(name=f"{task} {label}", kind="other", cells=cells)


def _share_cell(part: int, whole: int, source: str) -> Cell:
    return number_cell(part / whole, f"{percent_text(part / whole)} %", (source,))


def _percentage(part: int, whole: int, source: str) -> Cell:
    if not whole:
        return Cell()
    return number_cell(part / whole, percent_text(part / whole), (source,))


def _test_columns(entry: DatasetEntry, data: _Data) -> list[DatasetColumn]:
    """Columns of test records, where any task is trained."""
    return [column for column in entry.columns if column.split == "test" and data.leakage]


def _overlap_columns(entry: DatasetEntry, data: _Data) -> Iterator[HeaderCell]:
    for column in _test_columns(entry, data):
        for kind in ("exact", "near"):
            head = f"{column.title}, in training"
            yield HeaderCell(f"{column.title} {kind}", head, f"{kind}, %")


def _overlap_cells(entry: DatasetEntry, data: _Data, task: str) -> Iterator[Cell]:
    for column in _test_columns(entry, data):
        found, source = data.overlap(task, column), leakage_path(task)
        for kind in ("exact", "near"):
            yield _percentage(getattr(found, kind), found.records, source) if found else Cell()


def _notes(
    entry: DatasetEntry,
    request: Request,
    data: _Data,
    published: PublishedCounts,
) -> Iterator[str]:
    yield "Rows below a task: the shares of its labels. --: the data have no such records."
    if published:
        differing = [task for task in entry.tasks if _differs(entry, data, published, task)]
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
        yield f"Instructions that occur in training: {'; '.join(_instructions(entry, data))}."
    for what, part in (
        ("the query occurs in training records of any task", "queries"),
        ("the history contains a right answer of training", "history_targets"),
    ):
        shares = list(_shared(entry, data, part))
        if shares:
            yield f"Test records in which {what}: {', '.join(shares)}."
    yield data_note(request.data)


def _instructions(entry: DatasetEntry, data: _Data) -> Iterator[str]:
    """Whether training has each test column's instructions, by task where tasks disagree."""
    for column in entry.columns:
        found = {
            task: overlap.instruction
            for task in data.leakage
            if column.split == "test" and (overlap := data.overlap(task, column))
        }
        if len(set(found.values())) == 1:
            yield f"{column.title} {next(iter(found.values()))}"
        elif found:
            tasks = ", ".join(f"{task} {label}" for task, label in found.items())
            yield f"{column.title} mixed ({tasks})"


def _shared(entry: DatasetEntry, data: _Data, part: str) -> Iterator[str]:
    for task in data.leakage:
        for column in entry.columns:
            found = data.overlap(task, column) if column.split == "test" else None
            shared = getattr(found, part, None)
            if shared is not None:
                yield f"{task} ({column.title}) {shared.shared} of {shared.records}"


def _differs(entry: DatasetEntry, data: _Data, published: PublishedCounts, task: str) -> bool:
    def counted(column: DatasetColumn) -> int:
        found = data.records(task, column)
        return found.records if found else 0

    return any(
        counted(column) != published.get((task, column.split, column.setting), 0)
        for column in entry.columns
    )


KIND = Kind(
    entry=DatasetEntry,
    place=20,
    build=build,
    files=files,
    resources={"published": PUBLISHED_COUNTS},
)
