"""The dataset table: records, lengths, label shares, and overlap of test records with training."""

from collections.abc import Iterator, Sequence
from typing import ClassVar, Literal

from pydantic import Field

from ecslm.common.manifests import read_result
from ecslm.data.reports import Leakage, Report, SettingDescription, TaskDescription, read_counts
from ecslm.schemas.paths import DATA_CHECK, PUBLISHED_COUNTS, description_path, leakage_path
from ecslm.schemas.record import Split
from ecslm.schemas.settings import Closed
from ecslm.tables.inputs import TASKS, Entry, Inputs
from ecslm.tables.model import Cell, HeaderCell, Panel, Row, RowGroup, Sources, Table, percent_text
from ecslm.tables.references import RecordsSettingName, TaskName
from ecslm.tables.settings import TableContext

# How an input may occur in training, as the reports on the overlap call it.
MATCHES = ("exact", "near")
# Of a row that has nothing to do with the column.
BLANK = Cell(shown="")

# What is known of the records in each column, if there are any.
Described = Sequence[SettingDescription | None]


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

    READS: ClassVar = ("overlap",)
    RESOURCES: ClassVar = {"published": PUBLISHED_COUNTS}

    kind: Literal["dataset"]
    tasks: tuple[TaskName, ...] = TASKS
    columns: tuple[DatasetColumn, ...] = Field(min_length=1)
    """Splits and settings."""

    def files(self, study: TableContext) -> list[str]:
        """The reports on the data: the check, each task's description and overlap."""
        return [DATA_CHECK, *map(description_path, self.tasks), *super().files(study)]

    def build(self, name: str, inputs: Inputs) -> Table:
        """The table from the reports on the data, with the published counts of the same data."""
        results, path = inputs.results, inputs.resources.get("published")
        check = read_result(results / DATA_CHECK, Report)
        reports = {
            task: read_result(results / description_path(task), TaskDescription)
            for task in self.tasks
        }
        described = {
            task: [one.splits.get(of.split, {}).get(of.setting) for of in self.columns]
            for task, one in reports.items()
        }
        counts = read_counts(path) if path and inputs.study.data.comparable else ()
        published = {(one.task, one.split, one.setting): one.records for one in counts}
        overlap = {task: inputs.overlap[task] for task in self.tasks if task in inputs.overlap}
        # Where any task is trained.
        tests = [one for one in self.columns if one.split == "test" and overlap]
        columns = (
            *(HeaderCell(column.title, column.title, form="count") for column in self.columns),
            HeaderCell("dropped", "Dropped", form="count"),
            HeaderCell("tokens median", "Tokens", "median", form="count"),
            HeaderCell("tokens p95", "Tokens", "p95", form="count"),
            HeaderCell("cut", "Cut", "inputs", form="count"),
            *(
                HeaderCell(f"{one.title} {match}", f"{one.title}, in training", f"{match}, %")
                for one in tests
                for match in MATCHES
            ),
        )
        rest = (BLANK,) * (len(columns) - len(self.columns))
        groups = []
        for task, shown in described.items():
            cells = (
                *_described_cells(shown, check.dropped_of(task), (description_path(task),)),
                *(cell for one in tests for cell in _overlap(overlap.get(task), one.setting)),
            )
            rows = [Row(task, "other", cells)]
            if published:
                printed = (published.get((task, of.split, of.setting)) for of in self.columns)
                counted = [Cell.count(one, inputs.source("published")) for one in printed]
                follows = ("follows",)
                rows.append(Row(f"{task} published", "published", (*counted, *rest), "", follows))
            for label, shares in _labels(shown, description_path(task)).items():
                rows.append(Row(f"{task} {label}", "other", (*shares, *rest)))
            groups.append(RowGroup("", tuple(rows)))
        notes = (
            "Rows below a task: the shares of its labels. --: the data have no such records.",
            "Dropped: rows of the task, of any split and setting, that cannot be used.",
            "Tokens: of complete prompts, counted by the tokenizer of "
            f"{reports[self.tasks[0]].tokenizer}, in the column with "
            "the longest ones. Cut: inputs cut to the maximum length.",
            *(
                "Exact: the input is that of a training record of the task. Near: the Jaccard "
                f"index of {report.shingle_words}-word shingles is at least {report.jaccard}, or "
                "exact."
                for report in list(overlap.values())[:1]
            ),
            inputs.study.data.note,
        )
        return self.table(name, [Panel("", "Task", columns, tuple(groups))], notes)


def _described_cells(shown: Described, dropped: int, path: Sources) -> Iterator[Cell]:
    """A task's records, how many were dropped, and the lengths of the longest prompts."""
    known = [found for found in shown if found]
    yield from (Cell.count(found.records, path) if found else Cell() for found in shown)
    yield Cell.count(dropped, (DATA_CHECK,))
    longest = max((one.prompt_tokens for one in known), key=lambda of: of["p95"], default=None)
    for quantile in ("p50", "p95"):
        yield Cell.count(longest[quantile], path) if longest else Cell()
    yield Cell.count(sum(found.truncated for found in known), path)


def _overlap(report: Leakage | None, setting: str) -> Iterator[Cell]:
    """The share of a task's test records of a setting that occur in training, by `MATCHES`."""
    found = report.settings.get(setting) if report else None
    for match in MATCHES:
        if report and found and found.records:
            yield _share(getattr(found, match), found.records, leakage_path(report.task))
        else:
            yield Cell()


def _labels(shown: Described, path: str) -> dict[str, list[Cell]]:
    """The share of each label among the records of each column; none if answers are no classes."""
    labels = [found.labels if found else None for found in shown]
    return {
        label: [
            _share(one.get(label, 0), sum(one.values()), path, " %") if one else BLANK
            for one in labels
        ]
        for label in sorted({label for one in labels for label in one or ()})
    }


def _share(part: int, whole: int, source: str, sign: str = "") -> Cell:
    return Cell.of(part / whole, lambda share: percent_text(share) + sign, (source,))
