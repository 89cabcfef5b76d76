"""Checks of a whole source, every row, whether or not the study uses it."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import get_args

from tqdm import tqdm

from ecslm.common.text import nearest, shown
from ecslm.data.problems import Kind, Problems
from ecslm.data.records import Labels, clean_records, missing_records
from ecslm.data.reports import Count, PublishedCount, Report
from ecslm.data.rows import Row
from ecslm.data.settings import DataSource, RecordForm
from ecslm.data.source import IndexedRows
from ecslm.schemas.record import Split
from ecslm.schemas.settings import JobSettings
from ecslm.schemas.task import TaskSettings

KINDS = (
    *("Single_Instruction", "Diverse_Instruction", "Unseen_Instruction"),
    "Diverse_Instruction_1-shot",
)
SETTINGS = tuple(f"{domain}_{kind}" for domain in ("IND", "OOD") for kind in KINDS)

SPLITS: tuple[Split, ...] = get_args(Split)
# A task, a split, a setting.
Key = tuple[str, Split, str]


class CheckedTask(RecordForm):
    """The form of a task's records, and the settings of each dataset file that the study builds of
    them; none if it does not use the task."""

    splits: dict[Split, tuple[str, ...]]


class CheckSettings(JobSettings):
    """Everything in the configuration that affects the check of a source.

    Attributes:
        tasks: all tasks of the registry by code.
        settings: valid names of settings.
        comparable: whether these are the published data: a different count is then an error.
    """

    source: DataSource
    tasks: dict[str, CheckedTask]
    settings: tuple[str, ...]
    published: tuple[PublishedCount, ...]
    comparable: bool


def check_rows(raw: IndexedRows, settings: CheckSettings, labels: Labels) -> Report:
    """Check every row.

    Args:
        labels: relevance labels of the test rows of the ranking tasks that the study uses.

    Raises:
        InputError: problems that are not tolerated, a dataset file without rows, counts that differ
            from the published ones of the same data, more or fewer labels than ranking rows.
    """
    names = task_names(settings.tasks)
    problems = misplaced_rows(raw, names)
    rows, records, yes = Counter[Key](), Counter[Key](), Counter[Key]()
    # In an order that the settings of a job keep: those are sorted.
    keys = [(code, split) for code in sorted(settings.tasks) for split in SPLITS]
    for code, split in tqdm(keys, desc="Checking the data", unit="part", disable=None):
        known: list[Row] = []
        for where, row in raw.rows(raw.of([name for name in names if names[name] == code], split)):
            setting = row.get("setting")
            if isinstance(setting, str) and setting not in settings.settings:
                unknown = f"{shown(setting)}, which `settings` of the study may list"
                message = f"setting: unknown name {unknown}{nearest(setting, settings.settings)}"
                problems.add("unknown_setting", where, message)
                continue
            known.append((where, row))
            if isinstance(setting, str):
                rows[code, split, setting] += 1
                yes[code, split, setting] += row.get("output") == "yes"
        task = settings.tasks[code]
        own = labels if split in task.splits else None
        found = clean_records(known, code, split, task, own, problems)
        records.update((code, split, record.setting) for record in found)
    tasks: dict[str, dict[Split, dict[str, Count]]] = {}
    for (code, split, setting), number in rows.items():
        count = Count(rows=number, records=records[code, split, setting])
        tasks.setdefault(code, {}).setdefault(split, {})[setting] = count
    report = Report(
        files=raw.files,
        problems=problems.by_kind(),
        dropped=problems.total(),
        elsewhere=problems.total() - (rows.total() - records.total()),
        tasks=tasks,
        differing=tuple(_differing(settings.published, rows, yes)),
    )
    more = list(report.differing) if settings.comparable else []
    for code, task in settings.tasks.items():
        for split, wanted in task.splits.items():
            # Where rows are refused, it says no more that none of them is left.
            counts = rows if problems.by_kind(settings.source.tolerate) else records
            numbers = {setting: counts[code, split, setting] for setting in wanted}
            more += missing_records(code, split, task.aliases, numbers)
    problems.raise_unless(settings.source.tolerate, more)
    return report


def _differing(
    published: Iterable[PublishedCount], rows: Mapping[Key, int], yes: Mapping[Key, int]
) -> Iterator[str]:
    """Counts that differ from the published ones."""
    for one in published:
        key = one.task, one.split, one.setting
        if rows[key] != one.records:
            yield f"{' '.join(key)}: {rows[key]} rows, but {one.records} are published"
        elif one.yes is not None and yes[key] != one.yes:
            found = f"the output is yes in {yes[key]} rows"
            yield f"{' '.join(key)}: {found}, but {one.yes} are published"


def task_names(tasks: Mapping[str, RecordForm | TaskSettings]) -> dict[str, str]:
    """The code of each task, by every name that the data may use for it."""
    return {name: code for code, task in tasks.items() for name in (code, *task.aliases)}


def misplaced_rows(raw: IndexedRows, names: Mapping[str, str]) -> Problems:
    """Rows that belong to no task and split: unreadable ones, and those with unknown names."""
    problems = raw.misplaced.model_copy(deep=True)
    for part in raw.parts:
        kind: Kind = "unknown_split" if part.task in names else "unknown_task"
        name, known = (part.split, SPLITS) if part.task in names else (part.task, tuple(names))
        if name not in known:
            what = kind.removeprefix("unknown_")
            message = f"{what}: unknown name {shown(name)}{nearest(name, known)}"
            for where, _ in raw.rows([part]):
                problems.add(kind, where, message)
    return problems
