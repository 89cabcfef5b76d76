"""Overlap of a task's test records with the training records, setting by setting.

Texts are compared byte for byte, except near duplicates (see `near_duplicates`) and queries
(stripped, lower-cased). Numbers are of test records, so those of a setting can be read as shares of
its `records`; settings repeat the same samples, so their numbers must not be added up.
"""

import json
from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass
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


@dataclass(frozen=True)
class _Training:
    """The training data that test records are looked up in."""

    inputs: Set[str]
    samples: Set[tuple[object, ...]]
    instructions: Set[str]
    queries: Set[str]
    targets: Set[str]


def leakage(
    test: Sequence[Record], train: Sequence[Record], other_train: Iterable[Record] = ()
) -> Leakage:
    """Measure what the test records of a task share with its training records.

    Args:
        test: the task's test records, of any settings; at least one.
        train: the task's training records.
        other_train: training records of other tasks; only their queries are compared.
    """
    training = _Training(
        inputs={record.input for record in train},
        samples={_sample(record) for record in train},
        instructions={record.instruction for record in train},
        queries={query for record in (*train, *other_train) if (query := _query(record))},
        targets={found.target for record in train if (found := _recommendation(record))},
    )
    matches = _near_duplicates(test, train)
    by_setting: dict[str, list[Record]] = {}
    for record in test:
        by_setting.setdefault(record.setting, []).append(record)
    return Leakage(
        task=test[0].task,
        train_records=len(train),
        shingle_words=SHINGLE_WORDS,
        jaccard=NEAR,
        settings={
            setting: _setting_leakage(records, training, matches)
            for setting, records in by_setting.items()
        },
        pairs=_most_similar(test, matches),
    )


def _query(record: Record) -> str | None:
    """The query of an input that is a JSON object with one; stripped, in one case.

    None for any other input, and for a blank query.
    """
    try:
        value = json.loads(record.input)
    except (ValueError, RecursionError):
        return None
    query = value.get("query") if isinstance(value, dict) else None
    if not isinstance(query, str):
        return None
    return query.strip().lower() or None


def _recommendation(record: Record) -> _Recommendation | None:
    """The history and the correct item of a record that chooses the next item of a list of texts.

    Items are `1st: text` in the history and `A: text` among the options. None for other records.
    """
    correct = _correct_option(record)
    if correct is None:
        return None
    try:
        items = parse_list(record.input)
    except ValueError:
        return None
    if not isinstance(items, list) or not all(isinstance(item, str) for item in items):
        return None
    return _Recommendation(frozenset(map(_unmarked, items)), _unmarked(correct))


def _correct_option(record: Record) -> str | None:
    """The option that `output` gives in full or by its letter."""
    for option in record.options or ():
        if record.output in (option, option.partition(":")[0]):
            return option
    return None


def _unmarked(item: str) -> str:
    """An item's text without its mark, which ends at the first `: `."""
    _, mark, text = item.partition(": ")
    return (text if mark else item).strip()


def _sample(record: Record) -> tuple[object, ...]:
    options = None if record.options is None else tuple(record.options)
    return record.input, options, record.output


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


def _setting_leakage(
    records: Sequence[Record], training: _Training, matches: dict[str, _Match]
) -> SettingLeakage:
    unseen = sum(record.instruction not in training.instructions for record in records)
    queries = [query for record in records if (query := _query(record))]
    chosen = [found for record in records if (found := _recommendation(record))]
    return SettingLeakage(
        records=len(records),
        exact=sum(record.input in training.inputs for record in records),
        exact_with_output=sum(_sample(record) in training.samples for record in records),
        near=sum(record.input in matches for record in records),
        instruction=_instruction(len(records), unseen),
        unseen_instructions=unseen,
        queries=_shared([query in training.queries for query in queries]),
        history_targets=_shared([bool(history & training.targets) for history, _ in chosen]),
    )


def _instruction(records: int, unseen: int) -> Literal["seen", "unseen", "mixed"]:
    if unseen == 0:
        return "seen"
    return "unseen" if unseen == records else "mixed"


def _shared(found: Sequence[bool]) -> Shared | None:
    return Shared(records=len(found), shared=sum(found)) if found else None


def _most_similar(test: Iterable[Record], matches: dict[str, _Match]) -> tuple[Pair, ...]:
    samples: dict[str, Record] = {}
    for record in test:
        samples.setdefault(record.sample_id, record)
    pairs = [
        Pair(test=record.id, **matches[record.input]._asdict())
        for record in samples.values()
        if record.input in matches
    ]
    # Stable: equally similar pairs stay in the order of the test records.
    return tuple(sorted(pairs, key=lambda pair: -pair.jaccard)[:MOST_PAIRS])
