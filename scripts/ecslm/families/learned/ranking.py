"""A ranker of texts that each record brings: options, products, snippets of a document.

The ranker is linear, a forest or both together, whichever is the best on records held out.
Features: how much a text overlaps with each part of the input, how often it was right and shown in
training, and with which items of a list it was right.
"""

import re
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from functools import partial
from itertools import chain

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import LogisticRegression

from ecslm.families.learned.fields import fields_of, frequent
from ecslm.families.learned.holding_out import held_out
from ecslm.families.learned.overlap import Array, Overlap
from ecslm.schemas.record import Record

# Parts of an input, and items of a list (the last ones), that texts are compared with.
FIELDS, ITEMS = 3, 10
# Records that weights are learned from; counts are of all.
MOST = 1_000
# Inverse strengths of regularisation; with the weakest one is left with the overlap, which is
# hardly regularised.
STRENGTHS = (1e-4, 1e-3, 1e-2, 0.1, 1.0, 10.0)
PRIOR = 10.0
# Trees of a forest, texts that a leaf has at least, and those that a tree learns from.
TREES, LEAF, LEARNED = 100, 5, 10_000
# The columns of counts: a forest would find out which text of a training record they leave out.
COUNTS = (-6, -5, -4)
ORDINAL = re.compile(r"^\w{1,5}:\s+")

Texts = Callable[[Record], list[str]]
Order = Callable[[Record], list[int]]
Scores = Callable[[Sequence[Array]], list[NDArray[np.float64]]]
Fit = Callable[[Collection[int]], Scores]


def rank(
    train: Sequence[Record],
    val: Sequence[Record],
    texts_of: Texts,
    order_of: Order,
    answer: Callable[[Record, Sequence[int]], str],
) -> Callable[[Sequence[Record]], list[str]]:
    """What answers by the order of each record's texts, the best first.

    Args:
        texts_of: the texts of a record.
        order_of: of a training record, numbers of texts: each is better than those after it, and
            than those that are left out.
        answer: the answer that an order of its texts, as their numbers, gives to a record.
    """
    train, val = (
        [record for record in records if texts_of(record) and order_of(record)]
        for records in (train, val)
    )
    if not train:
        return lambda records: [answer(one, range(len(texts_of(one)))) for one in records]
    features = _Features(train, texts_of, order_of)
    some, others = train[:: -(-len(train) // MOST)], val[:MOST]
    found = features([*some, *others], len(some))
    orders = [order_of(one) for one in (*some, *others)]
    pairs = [_differences(*one) for one in zip(found, orders, strict=True)]

    def linear(known: Collection[int], strength: float) -> Scores:
        weights = _weights([pairs[i] for i in known], strength)
        return lambda features: [each @ weights for each in features]

    def forest(known: Collection[int]) -> Scores:
        return _forest([found[i] for i in known], [orders[i] for i in known])

    parts = held_out(some, others)

    def agreement(fit: Fit) -> float:
        agreements = [
            _agreement(scores, orders[i])
            for known, held in parts
            for i, scores in zip(held, fit(known)([found[i] for i in held]), strict=True)
        ]
        return float(np.mean(agreements))

    best: Fit = max((partial(linear, strength=one) for one in STRENGTHS), key=agreement)
    rate = max(best, forest, _together(best, forest), key=agreement)(range(len(some)))

    def answers(records: Sequence[Record]) -> list[str]:
        found = features(records)
        rated = rate(found) if any(map(len, found)) else [np.zeros(0) for _ in found]
        return [
            answer(record, np.argsort(-scores, kind="stable").tolist())
            for record, scores in zip(records, rated, strict=True)
        ]

    return answers


class _Features:
    """Features of a record's texts: texts x features."""

    def __init__(self, train: Sequence[Record], texts_of: Texts, order_of: Order) -> None:
        self._texts_of = texts_of
        inputs = [fields_of(record.input) for record in train]
        self._names = frequent(inputs, FIELDS)
        self._lists = [
            name
            for name in self._names
            if any(len(self._part(record, name)) > 1 for record in train[:MOST])
        ]
        self._overlap = Overlap([" ".join(chain(*fields.values())) for fields in inputs])
        self._order_of = order_of
        self._right: Counter[str] = Counter()
        self._shown: Counter[str] = Counter()
        self._together: Counter[tuple[str, str]] = Counter()
        for record in train:
            texts = texts_of(record)
            self._shown.update(texts)
            best = texts[order_of(record)[0]]
            self._right[best] += 1
            self._together.update((item, best) for item in _items(record))

    def __call__(self, records: Sequence[Record], learned: int = 0) -> list[Array]:
        """Features of each record's texts. The first `learned` are training records: what they
        have added to counts is left out."""
        texts = [self._texts_of(record) for record in records]
        blocks = []
        for name in self._names:
            parts = [self._part(record, name) for record in records]
            views = [[[" ".join(part)] for part in parts]]
            if name in self._lists:
                views += [[part[-ITEMS:] for part in parts], [part[-1:] for part in parts]]
            for view in views:
                pairs = zip(view, texts, strict=True)
                groups = [(items, [text]) for items, own in pairs for text in own]
                blocks.append(self._overlap.most(groups))
        counted = [
            row
            for number, record in enumerate(records)
            for row in self._counted(record, texts[number], number < learned)
        ]
        overlaps = np.hstack(blocks)
        means = PRIOR * overlaps.mean(axis=1, keepdims=True)
        whole = np.hstack([means, overlaps, np.array(counted, dtype=np.float32).reshape(-1, 6)])
        return np.split(whole, np.cumsum(list(map(len, texts)))[:-1])

    def _part(self, record: Record, name: str) -> list[str]:
        """A field's items; none if they are the texts themselves."""
        part = [ORDINAL.sub("", one) for one in fields_of(record.input).get(name, [])]
        own = self._texts_of(record)
        return [] if set(part) & set(own) and len(part) == len(own) else part

    def _counted(self, record: Record, texts: Sequence[str], learned: bool) -> list[list[float]]:
        best = texts[self._order_of(record)[0]] if learned else None
        items = _items(record)
        return [
            [
                np.log1p(self._right[text] - own),
                np.log1p(self._shown[text] - int(learned)),
                np.log1p(sum(self._together[item, text] - own for item in items)),
                float(text in items),
                number / len(texts),
                np.log1p(len(text)) / 5,
            ]
            for number, text in enumerate(texts)
            for own in [int(text == best)]
        ]


def _items(record: Record) -> set[str]:
    lists = [items for items in fields_of(record.input).values() if len(items) > 1]
    return {ORDINAL.sub("", item) for items in lists for item in items}


def _differences(features: Array, order: Sequence[int]) -> Array:
    """Better minus worse text, of all pairs: pairs x features. A record counts as one pair."""
    rest = [i for i in range(len(features)) if i not in order]
    pairs = [
        (better, worse)
        for place, better in enumerate(order)
        for worse in [*order[place + 1 :], *rest]
    ]
    a, b = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
    return features[a] - features[b]


def _weights(pairs: Sequence[Array], strength: float) -> NDArray[np.float64]:
    rows = np.vstack(pairs)
    if not len(rows):
        return np.zeros(rows.shape[1])
    # Both signs must occur: a pair twice at half its weight is the pair.
    weight = np.concatenate([np.full(len(each), 0.5 / max(len(each), 1)) for each in pairs])
    model = LogisticRegression(C=strength, fit_intercept=False, max_iter=300)
    model.fit(np.vstack([rows, -rows]), np.repeat([1, -1], len(rows)), np.tile(weight, 2))
    return np.asarray(model.coef_[0], dtype=np.float64)


def _forest(features: Sequence[Array], orders: Sequence[Sequence[int]]) -> Scores:
    """Rates texts by how near they are to the best."""
    nearness = [np.zeros(len(each)) for each in features]
    for each, order in zip(nearness, orders, strict=True):
        each[list(order)] = 1 / np.arange(1, len(order) + 1)

    def rows_of(several: Sequence[Array]) -> Array:
        return np.delete(np.vstack(several), COUNTS, axis=1)

    rows = rows_of(features)
    model = RandomForestRegressor(
        TREES,
        min_samples_leaf=LEAF,
        max_features="sqrt",
        max_samples=min(len(rows), LEARNED),
        random_state=0,
    ).fit(rows, np.concatenate(nearness))
    return lambda several: np.split(
        model.predict(rows_of(several)), np.cumsum([len(each) for each in several])[:-1]
    )


def _together(*fits: Fit) -> Fit:
    """Adds the scores of rankers, which vary alike in each record."""

    def standard(scores: NDArray[np.float64]) -> NDArray[np.float64]:
        return (scores - scores.mean()) / (scores.std() or 1.0) if len(scores) else scores

    def fit(known: Collection[int]) -> Scores:
        rankers = [one(known) for one in fits]
        return lambda features: [
            np.sum(list(map(standard, rated)), axis=0)
            for rated in zip(*(ranker(features) for ranker in rankers), strict=True)
        ]

    return fit


def _agreement(scores: NDArray[np.float64], order: Sequence[int]) -> float:
    """The reciprocal rank of the best text, and the share of pairs in the right order."""
    place = int((scores > scores[order[0]]).sum())
    right = [scores[a] > scores[b] for i, a in enumerate(order) for b in order[i + 1 :]]
    return 1 / (1 + place) + (float(np.mean(right)) if right else 0.0)
