"""Turns raw rows in the release's form into records: cleaning, checks, stable ids."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from ecslm.common.errors import InputError
from ecslm.common.hashing import canonical_json, sha256_of_text
from ecslm.common.text import number_of
from ecslm.data.problems import Problems, RowError
from ecslm.data.relevance import LABELLED_SETTINGS, RowLabels, by_rank
from ecslm.data.row_checks import (
    check_input,
    check_output,
    check_texts,
    checked_example,
    checked_options,
)
from ecslm.data.settings import DatasetSettings, RecordForm
from ecslm.data.sources.protocol import Row
from ecslm.schemas.record import Record, Split


def build_records(
    rows: Iterable[Row],
    task: str,
    split: Split,
    settings: DatasetSettings,
    labels: Sequence[Sequence[str]] | None,
) -> list[Record]:
    """The records of one task and split, ordered by setting as in `settings`.

    Args:
        rows: raw rows of that task and split, of any setting, each with its place in the source.
        labels: relevance labels of the IND test rows of a ranking task, in row order.

    Raises:
        InputError: rows have problems that are not tolerated, a setting has no rows, or there are
            more or fewer labels than rows.
    """
    problems = Problems()
    # Labels are in the row order of these settings, even if the file is to have others.
    labelled = LABELLED_SETTINGS if labels is not None else ()
    needed = {*settings.settings, *labelled}
    counts: Counter[str] = Counter()
    cleaned = clean_records(_counted(rows, needed, counts), task, split, settings, labels, problems)
    problems.raise_unless(settings.source.tolerate)
    records = [record for record in cleaned if record.setting in settings.settings]
    found = {record.setting for record in records}
    missing = [setting for setting in settings.settings if setting not in found]
    if missing:
        raise InputError(
            *(
                all_dropped(task, split, name, counts[name])
                if counts[name]
                else no_rows(task, split, name, settings.aliases)
                for name in missing
            )
        )
    order = {setting: place for place, setting in enumerate(settings.settings)}
    return sorted(records, key=lambda record: order[record.setting])


def _counted(rows: Iterable[Row], settings: Collection[str], counts: Counter[str]) -> Iterator[Row]:
    """The rows of some settings, which are counted."""
    for where, row in rows:
        setting = str(row.get("setting"))
        if setting in settings:
            counts[setting] += 1
            yield where, row


def no_rows(task: str, split: str, setting: str, aliases: Iterable[str]) -> str:
    """The problem that the source has no rows of a setting."""
    untrained = "" if split == "test" else f", or set `train: false` for {task}"
    return (
        f"{task} {split}: no rows of {setting} under the names {', '.join((task, *aliases))}: fix "
        f"`tasks`, `settings` or the data{untrained}"
    )


def all_dropped(task: str, split: str, setting: str, rows: int) -> str:
    """The problem that a setting has rows, but that none of them can be used."""
    return (
        f"{task} {split}: {number_of(rows, 'row')} of {setting}, none of which can be used, and "
        "`tolerate` drops them all: fix the data"
    )


def clean_records(
    rows: Iterable[Row],
    task: str,
    split: Split,
    form: RecordForm,
    labels: Sequence[Sequence[str]] | None,
    problems: Problems,
) -> list[Record]:
    """The rows of one task and split that can become records, in row order.

    Args:
        labels: as in `build_records`.
        problems: collects the rows that cannot.
    """
    ranking = form.answer == "ranking" and split == "test"
    row_labels = RowLabels(labels) if ranking and labels is not None else None
    records: list[tuple[str, Record]] = []
    seen: set[tuple[str | None, ...]] = set()
    samples: Counter[tuple[str, str]] = Counter()
    for where, row in rows:
        try:
            own_labels = row_labels.next_row(str(row.get("setting"))) if row_labels else None
            record = _record(row, task, split, form, seen, samples)
            if row_labels and own_labels is not None:
                record = row_labels.matched(record, own_labels)
            elif ranking and labels is None:
                record = by_rank(record)
        except RowError as problem:
            problems.add(problem.kind, where, problem.message)
        else:
            records.append((where, record))
    if row_labels is None:
        return [record for _, record in records]
    for setting, count in row_labels.differing_counts().items():
        where = f"{task} {split} {setting}"
        problems.refuse(f"{where}: {count} rows, but {len(labels or ())} rows of labels")
    labelled = []
    for where, record in records:
        try:
            labelled.append(record if record.relevance else row_labels.of_sample(record))
        except RowError as problem:
            problems.add(problem.kind, where, problem.message)
    return labelled


def _record(
    row: Mapping[str, Any],
    task: str,
    split: Split,
    form: RecordForm,
    seen: set[tuple[str | None, ...]],
    samples: Counter[tuple[str, str]],
) -> Record:
    """One record. Equal samples of a setting get different ids by an ordinal."""
    check_texts(row)
    options = checked_options(row.get("options"))
    example = checked_example(row.get("few_shot_example"), row["setting"])
    check_output(row["output"], options, form.answer)
    check_input(row["input"], form.input, form.answer, row["output"])
    sample = canonical_json([task, row["input"], options, row["output"]])
    digest, setting, instruction = sha256_of_text(sample), row["setting"], row["instruction"]
    if (digest, setting, instruction, example) in seen:
        raise RowError("duplicate_record", "identical to an earlier row")
    seen.add((digest, setting, instruction, example))
    samples[setting, digest] += 1
    ordinal = samples[setting, digest]
    sample_id = (digest if ordinal == 1 else sha256_of_text(f"{sample}#{ordinal}"))[:16]
    return Record(
        id=sha256_of_text(canonical_json([sample_id, setting, instruction]))[:16],
        sample_id=sample_id,
        task=task,
        split=split,
        setting=setting,
        instruction=instruction,
        input=row["input"],
        options=options,
        output=row["output"],
        few_shot_example=example,
        relevance=None,
    )
