"""Turns raw rows in the release's form into records: cleaning, checks, stable ids."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ecslm.common.errors import InputError
from ecslm.common.hashing import canonical_json, sha256_of_text
from ecslm.common.text import number_of
from ecslm.data.problems import Problems, RowError
from ecslm.data.relevance import LABELLED_SETTINGS, by_rank, require_agreement
from ecslm.data.row_checks import (
    check_input,
    check_output,
    check_texts,
    checked_example,
    checked_options,
)
from ecslm.data.rows import Row
from ecslm.data.settings import DatasetSettings, RecordForm
from ecslm.schemas.record import Record, Split

Labels = Sequence[Sequence[str]] | None


def build_records(
    rows: Iterable[Row], task: str, split: Split, settings: DatasetSettings, labels: Labels
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
    wanted = settings.settings
    # Labels are in the row order of these settings, even if the file is to have others.
    needed = {*wanted, *(LABELLED_SETTINGS if labels is not None else ())}
    counts: Counter[str] = Counter()
    counted = _counted(rows, needed, counts)
    records = clean_records(counted, task, split, settings, labels, problems)
    problems.raise_unless(settings.source.tolerate)
    found = {record.setting for record in records}
    missing = [
        all_dropped(task, split, name, counts[name])
        if counts[name]
        else no_rows(task, split, name, settings.aliases)
        for name in wanted
        if name not in found
    ]
    if missing:
        raise InputError(*missing)
    kept = [record for record in records if record.setting in wanted]
    return sorted(kept, key=lambda record: wanted.index(record.setting))


def _counted(rows: Iterable[Row], settings: set[str], counts: Counter[str]) -> Iterator[Row]:
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
    labels: Labels,
    problems: Problems,
) -> list[Record]:
    """The rows of one task and split that can become records, in row order.

    Args:
        labels: as in `build_records`. They are in the row order of IND Single and IND Diverse;
            rows of other settings have those of their sample.
        problems: collects the rows that cannot.
    """
    if form.answer != "ranking" or split != "test":
        return [record for _, record in _cleaned(rows, task, split, form, problems)]
    if labels is None:
        return [by_rank(record) for _, record in _cleaned(rows, task, split, form, problems)]
    rows = list(rows)
    # A row that cannot become a record has labels too.
    number_of_row: dict[str, int] = {}
    counts: Counter[str] = Counter()
    for where, row in rows:
        setting = str(row.get("setting"))
        number_of_row[where] = counts[setting]
        counts[setting] += 1
    for setting in LABELLED_SETTINGS:
        if counts[setting] not in (0, len(labels)):
            what = f"{task} {split} {setting}: {counts[setting]} rows"
            problems.refuse(f"{what}, but {len(labels)} rows of labels")
    found = list(_cleaned(rows, task, split, form, problems))
    of_sample: dict[str, Sequence[str]] = {}
    labelled: dict[str, Record] = {}
    # Rows without labels of their own last.
    for where, record in sorted(found, key=lambda one: one[1].setting not in LABELLED_SETTINGS):
        try:
            if record.setting in LABELLED_SETTINGS:
                # Of a row too many there are none.
                own = (*labels, ())[min(number_of_row[where], len(labels))]
                require_agreement(record.output, own)
                of_sample[record.sample_id] = own
            elif record.sample_id not in of_sample:
                raise RowError(
                    "label_disagreement",
                    f"relevance: no row of {' or '.join(LABELLED_SETTINGS)}, which have labels, "
                    "has this sample: remove `labels`, or the setting",
                )
        except RowError as problem:
            problems.add(problem.kind, where, problem.message)
        else:
            relevance = list(of_sample[record.sample_id])
            labelled[where] = record.model_copy(update={"relevance": relevance})
    return [labelled[where] for where, _ in found if where in labelled]


def _cleaned(
    rows: Iterable[Row], task: str, split: Split, form: RecordForm, problems: Problems
) -> Iterator[tuple[str, Record]]:
    """The records of rows, each with its place, without relevance."""
    seen: set[tuple[str | None, ...]] = set()
    samples: Counter[tuple[str, str]] = Counter()
    for where, row in rows:
        try:
            yield where, _record(row, task, split, form, seen, samples)
        except RowError as problem:
            problems.add(problem.kind, where, problem.message)


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
