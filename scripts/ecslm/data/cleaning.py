"""Turns raw rows in the release's form into records: cleaning, checks, stable ids."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ecslm.common.errors import InputError
from ecslm.common.hashing import canonical_json, sha256_of_text
from ecslm.common.text import number_of
from ecslm.data.problems import Problems, RowError
from ecslm.data.relevance import LABELLED_SETTINGS, by_rank, require_agreement
from ecslm.data.row_checks import checked_row
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
    problems, wanted = Problems(), settings.settings
    # Labels are in the row order of these settings, even if the file is to have others.
    needed = {*wanted, *(LABELLED_SETTINGS if labels is not None else ())}
    own = [row for row in rows if setting_of(row) in needed]
    counts = Counter(map(setting_of, own))
    records = clean_records(own, task, split, settings, labels, problems)
    of_setting = {name: [one for one in records if one.setting == name] for name in wanted}
    found = {name: len(of_setting[name]) for name in wanted}
    problems.raise_unless(settings.source.tolerate)
    if missing := missing_records(task, split, settings.aliases, counts, found):
        raise InputError(*missing)
    return [record for name in wanted for record in of_setting[name]]


def setting_of(row: Row) -> str:
    """The name of a row's setting; of one that has none, no setting's name."""
    return str(row[1].get("setting"))


def missing_records(
    task: str,
    split: str,
    aliases: Iterable[str],
    rows: Mapping[str, int],
    records: Mapping[str, int],
) -> list[str]:
    """The problems that settings have no records.

    Args:
        rows: how many the source has, by setting.
        records: how many of them can be used, by each setting that is needed.
    """
    untrained = "" if split == "test" else f", or set `train: false` for {task}"
    names = ", ".join((task, *aliases))
    return [
        f"{task} {split}: {number_of(rows[setting], 'row')} of {setting}, none of which can be "
        "used, and `tolerate` drops them all: fix the data"
        if rows[setting]
        else f"{task} {split}: no rows of {setting} under the names {names}: fix `tasks`, "
        f"`settings` or the data{untrained}"
        for setting, count in records.items()
        if not count
    ]


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
    ranked = form.answer == "ranking" and split == "test"
    seen: set[tuple[str | None, ...]] = set()
    samples: Counter[tuple[str, str]] = Counter()
    # Rows of each setting so far: one that cannot become a record has labels too.
    numbers: Counter[str] = Counter()
    of_sample: dict[str, Sequence[str]] = {}
    found: list[tuple[str, Record]] = []
    for where, row in rows:
        setting = setting_of((where, row))
        number = numbers[setting]
        numbers[setting] += 1
        try:
            record = _record(row, task, split, form, seen, samples)
            if ranked and labels is None:
                record = by_rank(record)
            elif ranked and labels is not None and setting in LABELLED_SETTINGS:
                # Of a row too many there are none.
                own = list(labels[number]) if number < len(labels) else []
                require_agreement(record.output, own)
                of_sample[record.sample_id] = own
                record = record.model_copy(update={"relevance": own})
        except RowError as problem:
            problems.add(problem.kind, where, problem.message)
        else:
            found.append((where, record))
    if not ranked or labels is None:
        return [record for _, record in found]
    for setting in LABELLED_SETTINGS:
        if numbers[setting] not in (0, len(labels)):
            what = f"{task} {split} {setting}: {numbers[setting]} rows"
            problems.refuse(f"{what}, but {len(labels)} rows of labels")
    labelled: list[Record] = []
    for where, record in found:
        if record.relevance is not None:
            labelled.append(record)
        elif record.sample_id in of_sample:
            relevance = list(of_sample[record.sample_id])
            labelled.append(record.model_copy(update={"relevance": relevance}))
        else:
            message = (
                f"relevance: no row of {' or '.join(LABELLED_SETTINGS)}, which have labels, "
                "has this sample: remove `labels`, or the setting"
            )
            problems.add("label_disagreement", where, message)
    return labelled


def _record(
    row: Mapping[str, Any],
    task: str,
    split: Split,
    form: RecordForm,
    seen: set[tuple[str | None, ...]],
    samples: Counter[tuple[str, str]],
) -> Record:
    """One record, without relevance. Equal samples of a setting get different ids by an ordinal."""
    fields = checked_row(row, form)
    setting, instruction = fields["setting"], fields["instruction"]
    sample = canonical_json([task, fields["input"], fields["options"], fields["output"]])
    digest = sha256_of_text(sample)
    whole = (digest, setting, instruction, fields["few_shot_example"])
    if whole in seen:
        raise RowError("duplicate_record", "identical to an earlier row")
    seen.add(whole)
    samples[setting, digest] += 1
    ordinal = samples[setting, digest]
    sample_id = (digest if ordinal == 1 else sha256_of_text(f"{sample}#{ordinal}"))[:16]
    return Record(
        id=sha256_of_text(canonical_json([sample_id, setting, instruction]))[:16],
        sample_id=sample_id,
        task=task,
        split=split,
        relevance=None,
        **fields,
    )
