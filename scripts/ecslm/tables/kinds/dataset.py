"""The dataset table: records, lengths and label shares. Overlap of test records with training is in
the data card."""

from typing import ClassVar, Literal

from pydantic import Field

from ecslm.common.manifests import read_result
from ecslm.data.reports import Report, TaskDescription, read_counts
from ecslm.schemas.paths import DATA_CHECK, DESCRIPTION, PUBLISHED_COUNTS
from ecslm.schemas.record import Split
from ecslm.schemas.references import RecordsSettingName, TaskName
from ecslm.schemas.settings import Closed
from ecslm.tables.inputs import TASKS, Inputs, TableEntry
from ecslm.tables.model import Cell, HeaderCell, Panel, Row, RowGroup, Table, percent_text
from ecslm.tidy.settings import source_name

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


class DatasetEntry(TableEntry):
    """Records per task, label shares and token lengths."""

    RESOURCES: ClassVar = {"published": PUBLISHED_COUNTS}

    wide: bool = True
    """Whether it spans both columns of a two-column LaTeX document: it does not fit into one."""
    kind: Literal["dataset"]
    tasks: tuple[TaskName, ...] = TASKS
    columns: tuple[DatasetColumn, ...] = Field(min_length=1)
    """Splits and settings."""

    @property
    def files(self) -> tuple[str, ...]:
        """The reports on the data: the check, and each task's description."""
        return (DATA_CHECK, *(DESCRIPTION.format(task=task) for task in self.tasks))

    def build(self, name: str, inputs: Inputs) -> Table:
        """The table from the reports on the data, with the published counts of the same data."""
        path = inputs.resources.get("published")
        check = read_result(inputs.results / DATA_CHECK, Report)
        counts = read_counts(path) if path and inputs.study.data.comparable else ()
        published = {(one.task, one.split, one.setting): one.records for one in counts}
        columns = (
            *(HeaderCell(column.title, column.title, form="count") for column in self.columns),
            HeaderCell("dropped", "Dropped", form="count"),
            HeaderCell("tokens median", "Tokens", "median", form="count"),
            HeaderCell("tokens p95", "Tokens", "p95", form="count"),
            HeaderCell("cut", "Cut", "inputs", form="count"),
        )
        rest, groups, tokenizers = (BLANK,) * (len(columns) - len(self.columns)), [], []
        for task in self.tasks:
            source = (DESCRIPTION.format(task=task),)
            report = read_result(inputs.results / source[0], TaskDescription)
            tokenizers.append(report.tokenizer)
            shown = [report.splits.get(of.split, {}).get(of.setting) for of in self.columns]
            known = [one for one in shown if one]
            longest = max(
                (one.prompt_tokens for one in known), key=lambda of: of["p95"], default=None
            )
            cells = (
                *(Cell.count(one.records, source) if one else Cell() for one in shown),
                Cell.count(check.dropped_of(task), (DATA_CHECK,)),
                Cell.count(longest["p50"], source) if longest else Cell(),
                Cell.count(longest["p95"], source) if longest else Cell(),
                Cell.count(sum(one.truncated for one in known), source),
            )
            rows = [Row(task, "other", cells)]
            if path and published:
                printed = (published.get((task, of.split, of.setting)) for of in self.columns)
                counted = [Cell.count(one, (source_name(path),)) for one in printed]
                follows = ("follows",)
                rows.append(Row(f"{task} published", "published", (*counted, *rest), "", follows))
            labels = [one.labels if one else None for one in shown]
            for label in sorted({label for one in labels for label in one or ()}):
                shares = [
                    Cell.of(one.get(label, 0) / sum(one.values()), _share, source) if one else BLANK
                    for one in labels
                ]
                rows.append(Row(f"{task} {label}", "other", (*shares, *rest)))
            groups.append(RowGroup("", tuple(rows)))
        notes = (
            "Rows below a task: the shares of its labels. --: the data have no such records.",
            "Dropped: rows of the task, of any split and setting, that cannot be used.",
            f"Tokens: of complete prompts, counted by the tokenizer of {tokenizers[0]}, in the "
            "column with the longest ones. Cut: inputs cut to the maximum length.",
            inputs.study.data.note,
        )
        return self.table(name, [Panel("", "Task", columns, tuple(groups))], notes)


def _share(share: float) -> str:
    return f"{percent_text(share)} %"
