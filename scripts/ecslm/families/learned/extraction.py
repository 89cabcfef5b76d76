"""Values of attributes: passages of the text, rated by two linear models.

A passage is rated by its neighbours, its place and shape. One of the models also learns its own
words by heart, and how often training records have it as a value of the attribute; the other sees
no more of it than the end of its last word. So values seen in training are found again, and others
where they stand and look like those.
"""

import json
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from math import log1p
from typing import Any

import numpy as np
from sklearn.feature_extraction import FeatureHasher
from sklearn.linear_model import LogisticRegression

from ecslm.families.learned.fields import fields_of
from ecslm.families.learned.holding_out import held_out
from ecslm.schemas.record import Record

TARGETS = "target attributes"
NONE = "None"
TOKEN = re.compile(r"\w+(?:[.'/-]\w+)*|[^\w\s]")
# Words of a passage, words of a field that are looked at, and fields.
LONGEST, WORDS, FIELDS = 5, 60, 4
# Records that weights are learned from, and wrong passages of each of their attributes.
MOST, WRONG = 2_000, 25
STRENGTH = 10.0
THRESHOLDS = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7)

Rated = dict[str, tuple[float, str]]
"""The best passage for each attribute of a record, with its probability."""


def values_of(record: Record) -> dict[str, list[str]]:
    """The values of a training record by attribute, none where it says that there is none."""
    found: dict[str, list[str]] = {}
    for entry in json.loads(record.output):
        values = found.setdefault(str(entry["attribute"]).lower(), [])
        if entry["value"] != NONE:
            values.append(str(entry["value"]))
    return found


def attributes_of(record: Record, known: Collection[str]) -> list[str]:
    """The attributes that a record asks for; all known ones if it does not say.

    A name may itself have an "and": it is one where training knows it as one.
    """
    named = fields_of(record.input).get(TARGETS)
    if named is None:
        return list(known)
    longest_first = sorted(known, key=len, reverse=True)
    name = "|".join([*map(re.escape, longest_first), ".+?"])
    found = re.findall(rf"({name})\s*(?: and \s*|$)", " and ".join(named).lower().strip())
    return list(dict.fromkeys(found))


def as_entries(record: Record, found: Mapping[str, Sequence[str]]) -> str:
    """The answer: an entry for each value, with the field that it was found in."""
    fields = {name: " ".join(texts).lower() for name, texts in fields_of(record.input).items()}

    def source(value: str) -> str:
        having = (key for key, text in fields.items() if value.lower() in text and value != NONE)
        return next(having, NONE)

    entries = [
        {"attribute": name, "value": value, "source": source(value)}
        for name, values in found.items()
        for value in values or [NONE]
    ]
    return json.dumps(entries, ensure_ascii=False)


def extract(
    train: Sequence[Record], val: Sequence[Record]
) -> Callable[[Sequence[Record]], list[str]]:
    """What answers with the best passage for each attribute, or with none."""
    every = [*train, *val]
    # Values of validation records are as new as those to come; training records share theirs.
    numbers = np.arange(len(every))
    parts = [(numbers[: len(train)], numbers[len(train) :])] if val else held_out(train, val)
    tried = []
    for known, held in parts:
        rated = _fitted([every[i] for i in known])([every[i] for i in held])
        tried += [
            (rating, value, values_of(every[i]).get(name, []))
            for i, found in zip(held, rated, strict=True)
            for name, (rating, value) in found.items()
        ]
    threshold = max(THRESHOLDS, key=lambda one: _f1(tried, one))
    rate = _fitted(train)

    def answers(records: Sequence[Record]) -> list[str]:
        kept = [
            {name: [value] if rating >= threshold else [] for name, (rating, value) in one.items()}
            for one in rate(records)
        ]
        return list(map(as_entries, records, kept))

    return answers


def _f1(tried: Sequence[tuple[float, str, Sequence[str]]], threshold: float) -> float:
    """F1* of `scoring/metrics/extraction_f1.py`."""
    given = [(value if rating >= threshold else None, right) for rating, value, right in tried]
    hits = sum(x.lower() in map(str.lower, right) if x else not right for x, right in given)
    answered = sum(value is not None or not right for value, right in given)
    return 2 * hits / (answered + len(given))


def _fitted(train: Sequence[Record]) -> Callable[[Sequence[Record]], list[Rated]]:
    """What finds the best passage for each attribute of records, with its probability."""
    seen: dict[str, Counter[str]] = defaultdict(Counter)
    for record in train:
        for name, values in values_of(record).items():
            seen[name].update(value.lower() for value in values)
    known = sorted(seen)
    examples: list[Example] = []
    right = []
    generator = np.random.default_rng(0)
    for record in train[:: -(-len(train) // MOST)]:
        passages = list(_passages(record))
        for name, values in values_of(record).items():
            wanted = {value.lower() for value in values}
            of_name = [one for one in passages if one[0] in wanted]
            others = [one for one in passages if one[0] not in wanted]
            if len(others) > WRONG:
                others = [others[i] for i in generator.choice(len(others), WRONG, replace=False)]
            for passage in (*of_name, *others):
                own = passage[0] in wanted
                examples.append((name, passage, seen[name][passage[0]] - own))
                right.append(own)
    models = [
        LogisticRegression(C=STRENGTH, solver="liblinear", random_state=0).fit(table, right)
        for table in (_tables(examples) if len(set(right)) > 1 else ())
    ]

    def best(name: str, passages: Sequence[Passage]) -> tuple[float, str]:
        if not models or not passages:
            return 0.0, NONE
        tables = _tables([(name, one, seen[name][one[0]]) for one in passages])
        rows = zip(models, tables, strict=True)
        ratings = np.mean([model.predict_proba(table)[:, 1] for model, table in rows], 0)
        number = int(ratings.argmax())
        return float(ratings[number]), passages[number][0]

    return lambda records: [
        {name: best(name, passages) for name in attributes_of(record, known)}
        for record in records
        for passages in [list(_passages(record))]
    ]


Passage = tuple[str, list[str], list[str], list[str]]
"""A passage, and features: its words, the ends of the last one, its neighbours, place and shape."""
Example = tuple[str, Passage, int]
"""An attribute, a passage, and how many training records have it as their value."""


def _tables(examples: Sequence[Example]) -> list[Any]:
    """Examples x features, of each model."""
    hasher = FeatureHasher(n_features=2**18, alternate_sign=False)
    return [
        hasher.transform([_features(*one, by_heart) for one in examples])
        for by_heart in (True, False)
    ]


def _passages(record: Record) -> Iterator[Passage]:
    """The passages of the input in lower case, with what is known of them but the attribute."""
    fields = {name: one for name, one in fields_of(record.input).items() if name != TARGETS}
    for field, texts in list(fields.items())[:FIELDS]:
        text = " ".join(texts).lower()
        tokens = list(TOKEN.finditer(text))[:WORDS]
        around = ["<", *(one[0] for one in tokens), ">"]
        for start in range(len(tokens)):
            for end in range(start + 1, min(start + LONGEST, len(tokens)) + 1):
                value = text[tokens[start].start() : tokens[end - 1].end()]
                shape = re.sub(r"[a-z]+", "a", re.sub(r"\d+", "0", value))
                yield (
                    value,
                    [f"first={around[start + 1]}", f"last={around[end]}"],
                    [f"ends={around[end][-letters:]}" for letters in (2, 3)],
                    [
                        f"before={around[start]}",
                        f"after={around[end + 1]}",
                        f"shape={shape}",
                        f"field={field},{min(start, 3)},{end - start}",
                    ],
                )


def _features(name: str, passage: Passage, times: int, by_heart: bool) -> dict[str, float]:
    """Features of a passage as the value of an attribute, which so many training records have."""
    value, own, ends, others = passage
    shared = [*(own if by_heart else ends), *others]
    found = {
        name: 1.0,
        **{f"{name}|{one}": 1.0 for one in shared},
        **dict.fromkeys(shared, 0.5),
        "named": float(name in value or value in name),
    }
    if by_heart:
        seen = float(times > 0)
        found |= {f"{name}|value={value}": 1.0, f"{name}|seen": seen, "seen": seen}
        found |= {"often": log1p(times), f"seen {min(value.count(' '), 3)}": seen}
    return found
