"""Checks of a whole source: every row, whether or not the study uses it."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import get_args

from pydantic import Field
from tqdm import tqdm

from ecslm.common.errors import InputError
from ecslm.common.files import read_json, write_json
from ecslm.common.hashing import canonical_json, sha256_of_text
from ecslm.common.text import nearest, shown
from ecslm.data.cleaning import all_dropped, clean_records, no_rows
from ecslm.data.problems import Kind, Problems
from ecslm.data.published import PublishedCount
from ecslm.data.report import Count, Report
from ecslm.data.settings import DataSource, RecordForm
from ecslm.data.sources.protocol import RawRows, Row, rows_of
from ecslm.schemas.record import Split
from ecslm.schemas.settings import Closed

SPLITS: tuple[Split, ...] = get_args(Split)


class CheckedTask(RecordForm):
    """The form of a task's records, and the dataset files that the study builds of them."""

    splits: dict[Split, tuple[str, ...]] = Field(
        description="Settings of each dataset file; empty if the study does not use the task."
    )


class CheckSettings(Closed):
    """Everything in the configuration that affects the check of a source."""

    source: DataSource
    tasks: dict[str, CheckedTask] = Field(description="All tasks of the registry by code.")
    settings: tuple[str, ...] = Field(description="Valid names of settings.")
    published: tuple[PublishedCount, ...]
    comparable: bool = Field(
        description="Whether these are the published data: a different count is then an error."
    )

    @property
    def ranked(self) -> list[str]:
        """Tasks whose test records take relevance labels."""
        return [
            code
            for code, task in self.tasks.items()
            if task.answer == "ranking" and "test" in task.splits
        ]


def cached_report(
    cache: Path,
    raw: RawRows,
    settings: CheckSettings,
    labels: Sequence[Sequence[str]] | None,
    code: str,
) -> Report:
    """The report of `check_rows`, from the directory `cache` if nothing that affects it changed.

    Args:
        code: digest of the checking code.

    Raises:
        InputError: see `check_rows`.
    """
    key = [settings.model_dump(mode="json"), raw.files, labels, code]
    path = cache / f"check-{sha256_of_text(canonical_json(key))[:24]}.json"
    # A missing or damaged report is rebuilt, also one whose numbers are possible but altered.
    with suppress(InputError, ValueError, KeyError, TypeError):
        kept = read_json(path)
        if kept["sha256"] == sha256_of_text(canonical_json(kept["report"])):
            return Report.model_validate(kept["report"])
    report = check_rows(raw, settings, labels)
    content = report.model_dump(mode="json")
    write_json(path, {"report": content, "sha256": sha256_of_text(canonical_json(content))})
    return report


def check_rows(
    raw: RawRows, settings: CheckSettings, labels: Sequence[Sequence[str]] | None
) -> Report:
    """Check every row.

    Args:
        labels: relevance labels of the test rows of the ranking tasks that the study uses.

    Raises:
        InputError: problems that are not tolerated, a dataset file without rows, counts that differ
            from the published ones of the same data, more or fewer labels than ranking rows.
    """
    check = DataCheck(raw, settings, labels)
    check.require_usable()
    return check.report()


class DataCheck:
    """What is found in the rows of a source: counts, and problems that are not refused yet."""

    def __init__(
        self, raw: RawRows, settings: CheckSettings, labels: Sequence[Sequence[str]] | None
    ) -> None:
        """Check every row; arguments as of `check_rows`."""
        self._raw, self._settings = raw, settings
        self._names = task_names({code: task.aliases for code, task in settings.tasks.items()})
        self._yes: Counter[tuple[str, Split, str]] = Counter()
        self.problems = misplaced_rows(raw, self._names)
        self._tasks: dict[str, dict[Split, dict[str, Count]]] = {}
        # In an order that the settings of a job keep: those are sorted.
        parts = [(code, split) for code in sorted(settings.tasks) for split in SPLITS]
        for code, split in tqdm(parts, desc="Checking the data", unit="part", disable=None):
            labelled = split == "test" and code in settings.ranked
            self._part(code, split, labels if labelled else None)

    def require_usable(self) -> None:
        """Raises:
        InputError: see `check_rows`.
        """
        tolerated = self._settings.source.tolerate
        more = [*self._missing(), *(self._differing() if self._settings.comparable else ())]
        if self.problems.by_kind().keys() <= set(tolerated):
            more += self._emptied()
        self.problems.raise_unless(tolerated, more)

    def report(self) -> Report:
        """The numbers."""
        return Report(
            files=self._raw.files,
            problems=self.problems.by_kind(),
            dropped=self.problems.total(),
            elsewhere=self.problems.total() - self._dropped(),
            tasks=self._tasks,
            differing=tuple(self._differing()),
        )

    def _part(self, code: str, split: Split, labels: Sequence[Sequence[str]] | None) -> None:
        """Check the rows of one task and split."""
        names = frozenset(name for name, owner in self._names.items() if owner == code)
        counts: Counter[str] = Counter()
        rows = self._known(rows_of(self._raw, names, split), code, split, counts)
        form = self._settings.tasks[code]
        records = clean_records(rows, code, split, form, labels, self.problems)
        kept = Counter(record.setting for record in records)
        if counts:
            self._tasks.setdefault(code, {})[split] = {
                setting: Count(rows=count, records=kept[setting])
                for setting, count in counts.items()
            }

    def _dropped(self) -> int:
        """Rows of known tasks, splits and settings that cannot be used."""
        return sum(
            count.rows - count.records
            for splits in self._tasks.values()
            for settings in splits.values()
            for count in settings.values()
        )

    def _missing(self) -> Iterator[str]:
        """Settings without rows in a dataset file of the study."""
        for code, task in self._settings.tasks.items():
            for split, settings in task.splits.items():
                for setting in settings:
                    if not self._count(code, split, setting):
                        yield no_rows(code, split, setting, task.aliases)

    def _emptied(self) -> Iterator[str]:
        """Settings of which a dataset file of the study would have no record."""
        for code, task in self._settings.tasks.items():
            for split, settings in task.splits.items():
                for setting in settings:
                    found = self._tasks.get(code, {}).get(split, {}).get(setting)
                    if found is not None and found.rows and not found.records:
                        yield all_dropped(code, split, setting, found.rows)

    def _differing(self) -> Iterator[str]:
        """Counts that differ from the published ones."""
        for published in self._settings.published:
            key = published.task, published.split, published.setting
            rows = self._count(*key)
            if rows != published.records:
                yield f"{' '.join(key)}: {rows} rows, but {published.records} are published"
            elif published.yes is not None and self._yes[key] != published.yes:
                yield (
                    f"{' '.join(key)}: the output is yes in {self._yes[key]} rows, but "
                    f"{published.yes} are published"
                )

    def _known(
        self, rows: Iterable[Row], code: str, split: Split, counts: Counter[str]
    ) -> Iterator[Row]:
        """The rows of known settings, counted."""
        known = self._settings.settings
        for where, row in rows:
            setting = row.get("setting")
            if isinstance(setting, str):
                if setting not in known:
                    message = (
                        f"setting: unknown name {shown(setting)}, which `settings` of the study "
                        f"may list{nearest(setting, known)}"
                    )
                    self.problems.add("unknown_setting", where, message)
                    continue
                counts[setting] += 1
                self._yes[code, split, setting] += row.get("output") == "yes"
            yield where, row

    def _count(self, code: str, split: Split, setting: str) -> int:
        count = self._tasks.get(code, {}).get(split, {}).get(setting)
        return 0 if count is None else count.rows


def task_names(aliases: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """The code of each task, by every name that the data may use for it."""
    return {name: code for code, names in aliases.items() for name in (code, *names)}


def misplaced_rows(raw: RawRows, names: Mapping[str, str]) -> Problems:
    """Rows that belong to no task and split: unreadable ones, and those with unknown names."""
    problems = raw.problems()
    for part in raw.parts():
        if part.task not in names:
            kind: Kind = "unknown_task"
            message = f"task: unknown name {shown(part.task)}{nearest(part.task, names)}"
        elif part.split not in SPLITS:
            kind = "unknown_split"
            message = f"split: unknown name {shown(part.split)}{nearest(part.split, SPLITS)}"
        else:
            continue
        for where, _ in raw.rows([part]):
            problems.add(kind, where, message)
    return problems
