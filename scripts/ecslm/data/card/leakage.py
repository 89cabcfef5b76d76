"""Overlap of a task's test records with the training records, setting by setting.

Texts are compared byte for byte, except near duplicates (see `near_duplicates`) and queries
(stripped, lower-cased). Numbers are of test records, so those of a setting can be read as shares of
its `records`; settings repeat the same samples, so their numbers must not be added up.
"""

import json
from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

from ecslm.data.card.near_duplicates import SHINGLE_WORDS, nearest
from ecslm.data.card.reports import Leakage, Pair, SettingLeakage, Shared
from ecslm.schemas.fields import parse_list
from ecslm.schemas.record import Record

NEAR = 0.8
MOST_PAIRS = 20


class _Recommendation(NamedTuple):
    """The items of a record of sequential recommendation, without ordinals and letters."""

    history: frozenset[str]
    target: str


class _Match(NamedTuple):
    """The training record whose input is nearest."""

    train: str
    jaccard: float


def leakage(
    test: Sequence[Record], train: Sequence[Record], other_train: Iterable[Record] = ()
) -> Leakage:
    """Measure what the test records of a task share with its training records.

    Args:
        test: the task's test records, of any settings; at least one.
        train: the task's training records.
        other_train: training records of other tasks; only their queries are compared.
    """
    inputs = {record.input for record in train}
    samples = {_sample(record) for record in train}
    instructions = {record.instruction for record in train}
    queries = {_query(record) for record in (*train, *other_train)}
    targets = {found.target for record in train if (found := _recommendation(record))}
    matches = _near_duplicates(test, train)
    settings: dict[str, SettingLeakage] = {}
    for setting in dict.fromkeys(record.setting for record in test):
        records = [record for record in test if record.setting == setting]
        unseen = sum(record.instruction not in instructions for record in records)
        asked = [query in queries for record in records if (query := _query(record))]
        chosen = [
            bool(found.history & targets)
            for record in records
            if (found := _recommendation(record))
        ]
        settings[setting] = SettingLeakage(
            records=len(records),
            exact=sum(record.input in inputs for record in records),
            exact_with_output=sum(_sample(record) in samples for record in records),
            near=sum(record.input in matches for record in records),
            instruction=_wording(unseen, len(records)),
            unseen_instructions=unseen,
            queries=_shared(asked),
            history_targets=_shared(chosen),
        )
    pairs: dict[str, Pair] = {}
    for record in test:
        if record.input in matches:
            pair = Pair(test=record.id, **matches[record.input]._asdict())
            pairs.setdefault(record.sample_id, pair)
    # Stable: equally similar pairs stay in the order of the test records.
    similar = sorted(pairs.values(), key=lambda pair: -pair.jaccard)
    return Leakage(
        task=test[0].task,
        train_records=len(train),
        shingle_words=SHINGLE_WORDS,
        jaccard=NEAR,
        settings=settings,
        pairs=tuple(similar[:MOST_PAIRS]),
    )


def _wording(unseen: int, records: int) -> Literal["seen", "unseen", "mixed"]:
    if unseen == 0:
        return "seen"
    return "unseen" if unseen == records else "mixed"


def _shared(found: Sequence[bool]) -> Shared | None:
    return Shared(records=len(found), shared=sum(found)) if found else None


def _sample(record: Record) -> tuple[object, ...]:
    options = None if record.options is None else tuple(record.options)
    return record.input, options, record.output


def _query(record: Record) -> str | None:
    """The query of an input that is a JSON object with one; stripped, in one case.

    None for any other input, and for a blank query.
    """
    try:
        query = json.loads(record.input)["query"]
    except (ValueError, RecursionError, TypeError, LookupError):
        return None
    return query.strip().lower() or None if isinstance(query, str) else None


def _recommendation(record: Record) -> _Recommendation | None:
    """The history and the correct item of a record that chooses the next item of a list of texts.

    Items are `1st: text` in the history and `A: text` among the options. None for other records.
    """
    right = [
        option
        for option in record.options or ()
        if record.output in (option, option.partition(":")[0])
    ]
    try:
        items = parse_list(record.input) if right else None
    except ValueError:
        return None
    if not isinstance(items, list) or not all(isinstance(item, str) for item in items):
        return None
    return _Recommendation(frozenset(map(_unmarked, items)), _unmarked(right[0]))


def _unmarked(item: str) -> str:
    """An item's text without its mark, which ends at the first `: `."""
    _, mark, text = item.partition(": ")
    return (text if mark else item).strip()


def _near_duplicates(test: Iterable[Record], train: Iterable[Record]) -> dict[str, _Match]:
    """The nearest training record of each test input that has a near duplicate, by the input.

    The same samples repeat under several settings: each distinct input is compared once. An input
    that occurs in training matches itself, whatever its words.
    """
    first: dict[str, str] = {}
    for record in train:
        first.setdefault(record.input, record.id)
    inputs = dict.fromkeys(record.input for record in test)
    found = {text: _Match(first[text], 1.0) for text in inputs if text in first}
    new, known = [text for text in inputs if text not in first], list(first)
    for text, (jaccard, index) in zip(new, nearest(new, known), strict=True):
        if index is not None and jaccard >= NEAR:
            found[text] = _Match(first[known[index]], jaccard)
    return found
