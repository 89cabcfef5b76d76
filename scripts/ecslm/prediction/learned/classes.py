"""Answers that are classes, yes and no or options that all records share: logistic regression.

Features: TF-IDF of words and characters of each field, of the words that two parts of the input
share, and how much these overlap.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import combinations, product
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.feature_extraction.text import HashingVectorizer, TfidfTransformer
from sklearn.linear_model import LogisticRegression

from ecslm.prediction.learned.fields import Fields, fields_of, words
from ecslm.prediction.learned.holding_out import held_out
from ecslm.prediction.learned.overlap import Array, Overlap, most
from ecslm.schemas.record import Record

# Most fields of an input, pairs of them, characters of a field that are counted, and features of a
# field by words or by characters.
FIELDS, PAIRS, LONGEST, FEATURES = 12, 24, 600, 50_000
# Of words and characters that fewer records of a large data set have, nothing is learned.
LARGE, RARE = 1_000, 5
# Inverse strengths of regularisation, for overlaps alone and for all features; and how far frequent
# classes are held back.
STRENGTHS = (0.3, 3.0, 30.0)
SETTINGS = tuple(product((False, True), STRENGTHS))
PRIORS = (0.0, 0.25, 0.5, 0.75, 1.0)
# With at most so many records, linear models are fitted in fewer columns.
SMALL = 2_000
COUNTS = {"norm": None, "alternate_sign": False, "dtype": np.float32}
WORDS = HashingVectorizer(ngram_range=(1, 2), token_pattern=r"\w+", **COUNTS)
CHARACTERS = HashingVectorizer(analyzer="char_wb", ngram_range=(3, 5), **COUNTS)

Matrix = Any
Measure = Callable[[Sequence[str], Sequence[str]], float]
Scores = Callable[[Sequence[Record]], NDArray[np.float64]]


class Features:
    """Features of inputs; fitted to those of training records."""

    def __init__(self, inputs: Sequence[Fields]) -> None:
        counts = Counter(name for fields in inputs for name in fields)
        self._names = sorted(counts, key=lambda name: (-counts[name], name))[:FIELDS]
        groups: dict[str, list[str]] = {}
        for name in sorted(self._names):
            groups.setdefault(name.partition("/")[0], []).append(name)
        self._groups = list(combinations(groups.values(), 2))[:6]
        self._pairs = [pair for a, b in self._groups for pair in product(a, b)][:PAIRS]
        self._overlap = Overlap(
            [" ".join(text for texts in fields.values() for text in texts) for fields in inputs]
        )
        rare = RARE if len(inputs) >= LARGE else 1
        self._weights: list[tuple[NDArray[np.int64], TfidfTransformer]] = []
        every = list(self._counted(inputs))
        for counted in every:
            frequency = counted.getnnz(axis=0)
            often = np.argsort(-frequency, kind="stable")[:FEATURES]
            kept = np.sort(often[frequency[often] >= rare])
            weight = TfidfTransformer(sublinear_tf=True)
            if len(kept):
                weight.fit(counted[:, kept])
            self._weights.append((kept, weight))
        self.fitted = self._weighted(inputs, every)

    def __call__(self, inputs: Sequence[Fields]) -> tuple[Matrix, Matrix]:
        """Overlaps alone, and all features: records x features."""
        return self._weighted(inputs, self._counted(inputs))

    def _weighted(self, inputs: Sequence[Fields], every: Iterable[Matrix]) -> tuple[Matrix, Matrix]:
        overlaps = sparse.csr_matrix(self._overlaps(inputs))
        blocks = [
            weight.transform(counted[:, kept])
            for counted, (kept, weight) in zip(every, self._weights, strict=True)
            if len(kept)
        ]
        return overlaps, sparse.hstack([overlaps, *blocks], format="csr")

    def _counted(self, inputs: Sequence[Fields]) -> Iterator[Matrix]:
        """Counts of words and characters of each field, and of the words that two groups of fields
        share or do not."""
        for name in self._names:
            texts = [" ".join(fields.get(name, [])) for fields in inputs]
            yield WORDS.transform(texts)
            yield CHARACTERS.transform([text[:LONGEST] for text in texts])
        for groups in self._groups:
            sets = [
                [
                    set(words(" ".join(text for name in group for text in fields.get(name, []))))
                    for group in groups
                ]
                for fields in inputs
            ]
            for part in (set.intersection, set.difference, lambda a, b: b - a):
                yield WORDS.transform([" ".join(sorted(part(a, b))) for a, b in sets])

    def _overlaps(self, inputs: Sequence[Fields]) -> Array:
        blocks = [np.ones((len(inputs), 1), dtype=np.float32)]
        for one, other in self._pairs:
            items = [(fields.get(one, []), fields.get(other, [])) for fields in inputs]
            whole = [(" ".join(a), " ".join(b)) for a, b in items]
            blocks.append(self._overlap(whole))
            if any(len(a) > 1 or len(b) > 1 for a, b in items):
                each = [pair for two in items for pair in product(*two)]
                blocks.append(most(self._overlap(each), [len(a) * len(b) for a, b in items]))
            blocks.append(np.array([[not a or not b] for a, b in whole], dtype=np.float32))
        return np.hstack(blocks)


def classify(
    train: Sequence[Record],
    val: Sequence[Record],
    label: Callable[[Record], str],
    measure: Measure,
) -> tuple[list[str], Scores]:
    """Classes in order, and what scores records by them: records x classes, the best highest.

    Args:
        label: the right class of a record.
        measure: how good answers are, given right ones and answers.
    """
    every = [*train, *val]
    labels = np.array(list(map(label, every)))
    classes = sorted(set(labels[: len(train)]))
    prior = np.log([np.mean(labels[: len(train)] == one) for one in classes])
    inputs = [fields_of(record.input) for record in every]
    features = Features(inputs)
    spaces = list(map(_coordinates, features.fitted))
    parts = held_out(train, val)
    right = labels[np.concatenate([held for _, held in parts])]
    best, chosen = -1.0, (*SETTINGS[0], PRIORS[0])
    for wide, strength in SETTINGS:
        known, _ = spaces[wide]
        found = np.vstack(
            [
                _fitted(known[some], labels[some], strength, classes)(known[held])
                for some, held in parts
            ]
        )
        for share in PRIORS:
            answers = [classes[i] for i in (found - share * prior).argmax(axis=1)]
            if (value := measure(right, answers)) > best:
                best, chosen = value, (wide, strength, share)
    wide, strength, share = chosen
    known, project = spaces[wide]
    model = _fitted(known[: len(train)], labels[: len(train)], strength, classes)

    def scores(records: Sequence[Record]) -> NDArray[np.float64]:
        found = features([fields_of(record.input) for record in records])[wide]
        return model(project(found)) - share * prior

    return classes, scores


def _coordinates(features: Matrix) -> tuple[Matrix, Callable[[Matrix], Matrix]]:
    """Features with as many columns as there are records and the same scalar products, if that is
    fewer, and what gives others the same columns: linear models of both are equal."""
    if features.shape[0] > SMALL:
        return features, lambda others: others
    products = (features @ features.T).toarray()
    values, vectors = np.linalg.eigh(products)
    kept = values > 1e-6 * values[-1]
    basis = vectors[:, kept] / np.sqrt(values[kept])
    return products @ basis, lambda others: (others @ features.T).toarray() @ basis


def _fitted(
    features: Matrix, labels: NDArray[np.str_], strength: float, classes: Sequence[str]
) -> Callable[[Matrix], NDArray[np.float64]]:
    """What gives the logarithms of the probabilities of classes."""
    known = [number for number, one in enumerate(classes) if one in labels]
    model = LogisticRegression(C=strength, max_iter=100, tol=1e-3)
    if len(known) > 1:
        model.fit(features, labels)

    def scores(others: Matrix) -> NDArray[np.float64]:
        found = np.zeros((others.shape[0], len(classes)))
        found[:, known] = model.predict_proba(others) if len(known) > 1 else 1.0
        return np.log(np.maximum(found, 1e-9))

    return scores
