"""The dataset table: records per task, split and setting; token lengths; label shares."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ecslm.files import InputError
from ecslm.records.record import Record, read_records
from ecslm.tables.model import (
    Cell,
    HeaderCell,
    Panel,
    Row,
    RowGroup,
    Table,
    count_cell,
    number_cell,
)
from ecslm.tables.notes import data_note
from ecslm.tables.published import read_csv
from ecslm.tables.requests import TableRequest, dataset_path, has_split
from ecslm.tables.settings import DatasetColumn, DatasetEntry
from ecslm.tables.sources import Sources, source_name

# More labels than this are places in a list that differs from record to record, not classes.
MOST_LABELS = 10

PublishedCounts = dict[tuple[str, str, str], int]


def build(name: str, request: TableRequest, sources: Sources) -> Table:
    """The table from the dataset files, beside the published counts of the same data."""
    entry = request.table
    assert isinstance(entry, DatasetEntry)
    published = {}
    if sources.published is not None and request.data.comparable:
        published = _read_counts(sources.published)
    source = source_name(sources.published) if sources.published else ""
    tokenizer = None if sources.tokenizer is None else _load_tokenizer(sources.tokenizer)

    record_rows: list[Row] = []
    label_groups: list[RowGroup] = []
    for task in entry.tasks:
        files = _read_files(request, entry, sources.results, task)
        cells: list[Cell] = []
        for column in entry.columns:
            records = _select(files.get(column.split, []), column.setting)
            path = dataset_path(task, column.split) if column.split in files else None
            cells.append(count_cell(len(records) or None, (path,) if path else ()))
            if published:
                expected = published.get((task, column.split, column.setting))
                cells.append(count_cell(expected, (source,)))
        if tokenizer is not None:
            cells += _length_cells(tokenizer, entry, files, task)
        record_rows.append(Row(name=task, kind="other", cells=tuple(cells)))
        if request.context.tasks[task].answer in ("yes_no", "choice"):
            label_groups += _label_group(entry, files, task)

    columns = _record_columns(entry, bool(published), tokenizer is not None)
    panels = [Panel("Records", "Task", columns, (RowGroup("", tuple(record_rows)),))]
    if label_groups:
        heads = tuple(HeaderCell(c.title, c.title, "%") for c in entry.columns)
        panels.append(Panel("Label shares", "Label", heads, tuple(label_groups)))
    return Table(
        name=name,
        kind=entry.kind,
        caption=entry.caption,
        label=entry.label,
        panels=tuple(panels),
        notes=tuple(_notes(entry, request, record_rows, bool(published), tokenizer is not None)),
    )


def _read_files(
    request: TableRequest, entry: DatasetEntry, results: Path, task: str
) -> dict[str, list[Record]]:
    """The task's records by split."""
    splits = dict.fromkeys(column.split for column in entry.columns)
    return {
        split: read_records(results / dataset_path(task, split))
        for split in splits
        if has_split(request, task, split)
    }


def _select(records: Sequence[Record], setting: str) -> list[Record]:
    return [record for record in records if record.setting == setting]


def _record_columns(entry: DatasetEntry, published: bool, lengths: bool) -> tuple[HeaderCell, ...]:
    columns = []
    for column in entry.columns:
        columns.append(
            HeaderCell(column.title, column.title, "here" if published else "", form="count")
        )
        if published:
            columns.append(
                HeaderCell(f"{column.title} published", column.title, "published", form="count")
            )
    if lengths:
        columns.append(HeaderCell("tokens median", "Tokens", "median", form="count"))
        columns.append(HeaderCell("tokens p95", "Tokens", "95th pct.", form="count"))
    return tuple(columns)


def _label_group(entry: DatasetEntry, files: dict[str, list[Record]], task: str) -> list[RowGroup]:
    """Shares of each label, a row a label; none where labels are places in a list."""
    counters = [
        Counter(_label(r) for r in _select(files.get(column.split, []), column.setting))
        for column in entry.columns
    ]
    labels = sorted(set().union(*counters))
    if not 0 < len(labels) <= MOST_LABELS:
        return []
    rows = []
    for label in labels:
        cells = [
            _share_cell(counter, label, dataset_path(task, column.split))
            for counter, column in zip(counters, entry.columns, strict=True)
        ]
        rows.append(Row(name=f"{task} {label}", kind="other", cells=tuple(cells)))
    return [RowGroup("", tuple(rows))]


def _label(record: Record) -> str:
    """The label of a yes/no or choice record: yes, no, or the option's letter."""
    text = record.output.strip()
    return text[:1].upper() if record.options else text.lower()


def _share_cell(counter: Counter[str], label: str, source: str) -> Cell:
    total = counter.total()
    if not total:
        return Cell()
    share = counter[label] / total
    return number_cell(share, f"{100 * share:.1f}", (source,))


def _load_tokenizer(path: Path) -> Any:
    from tokenizers import Tokenizer

    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises bare Exception
        raise InputError(f"{path}: not a tokenizer ({error})") from None
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def _length_cells(
    tokenizer: Any, entry: DatasetEntry, files: dict[str, list[Record]], task: str
) -> list[Cell]:
    """Median and 95th percentile of the text that a test record puts into the prompt."""
    settings = {column.setting for column in entry.columns if column.split == "test"}
    texts = [
        "\n".join((record.instruction, record.input, *(record.options or ())))
        for record in files.get("test", [])
        if record.setting in settings
    ]
    if not texts:
        return [Cell(), Cell()]
    encoded = tokenizer.encode_batch(texts, add_special_tokens=False)
    lengths = sorted(len(encoding.ids) for encoding in encoded)
    source = (dataset_path(task, "test"),)
    return [count_cell(_percentile(lengths, part), source) for part in (50, 95)]


def _percentile(ordered: Sequence[int], part: int) -> int:
    """The smallest value that at least `part` per cent of the values do not exceed."""
    return ordered[-(-len(ordered) * part // 100) - 1]


def _read_counts(path: Path) -> PublishedCounts:
    rows = read_csv(path, ("task", "split", "setting", "records"))
    return {(row["task"], row["split"], row["setting"]): int(row["records"]) for row in rows}


def _notes(
    entry: DatasetEntry,
    request: TableRequest,
    rows: Sequence[Row],
    published: bool,
    lengths: bool,
) -> list[str]:
    notes = ["--: the data has no such records."]
    if published:
        differing = [row.name for row in rows if _differs(row, entry.columns)]
        notes.append(
            f"Counts differ from the published ones for: {', '.join(differing)}."
            if differing
            else "All counts equal the published ones."
        )
    if lengths:
        notes.append("Tokens: instruction, input and options of the test records.")
    return [*notes, data_note(request.data)]


def _differs(row: Row, columns: Sequence[DatasetColumn]) -> bool:
    counts = [cell.value for cell in row.cells[: 2 * len(columns)]]
    return any(here != there for here, there in zip(counts[::2], counts[1::2], strict=True))
