"""Answers that are classes, yes and no or options that all records share: logistic regression.

Features are TF-IDF of words and characters of each field, of the words that two parts of the input
share and that one of them has alone, and how much the parts overlap. It learns from the overlaps,
from one of the texts, from all of these, or from the words or the characters of the whole input:
what tells classes apart is often one of them, such as the words that only the second product has,
and drowns among the others.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import chain, combinations, product
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from ecslm.families.learned.fields import Fields, fields_of, frequent, words
from ecslm.families.learned.holding_out import held_out
from ecslm.families.learned.overlap import Array, Overlap
from ecslm.schemas.record import Record

# Most fields of an input, pairs of them, characters of a field that are counted, and features of a
# text by words or by characters.
FIELDS, PAIRS, LONGEST, FEATURES = 12, 24, 600, 50_000
# Of words and characters that fewer records of a large data set have, nothing is learned.
LARGE, RARE = 1_000, 5
# Inverse strengths of regularisation, and how far frequent classes are held back.
STRENGTHS = (0.3, 3.0, 30.0)
PRIORS = (0.0, 0.25, 0.5, 0.75, 1.0)
# How far the class that F1 is of is preferred, in log odds, where classes are balanced: the best
# F1 needs more answers of it than that, and what knows nothing should always give it (Lipton et
# al., Optimal thresholding of classifiers to maximize F1 measure, 2014).
LEANINGS = (-0.5, 0.0, 0.5, 1.0, 1.5)
# Which model is best is often chance, so several answer together: the best so many of all where an
# F1 is at stake, otherwise the best of so many kinds of features, since where words are new some
# kinds know nothing and always give the same answer.
MODELS, KINDS = 5, 3
# How often few records are held out.
ROUNDS = 3
# With at most so many records, linear models are fitted in fewer columns.
SMALL = 1_000
TERMS = (
    {"ngram_range": (1, 2), "token_pattern": r"\w+"},
    {"analyzer": "char_wb", "ngram_range": (3, 5)},
)

Matrix = Any
Measure = Callable[[Sequence[str], Sequence[str]], float]
Scores = Callable[[Sequence[Record]], NDArray[np.float64]]


class Features:
    """Features of inputs; fitted to those of training records."""

    def __init__(self, inputs: Sequence[Fields]) -> None:
        self._names = frequent(inputs, FIELDS)
        groups: dict[str, list[str]] = {}
        for name in sorted(self._names):
            groups.setdefault(name.partition("/")[0], []).append(name)
        self._groups = list(combinations(groups.values(), 2))[:6]
        self._pairs = [pair for a, b in self._groups for pair in product(a, b)][:PAIRS]
        self._overlap = Overlap([" ".join(chain(*fields.values())) for fields in inputs])
        rare = RARE if len(inputs) >= LARGE else 1
        self._vectorizers: list[list[TfidfVectorizer]] = []
        found = []
        for texts in self._texts(inputs):
            vectorizers, columns = [], []
            for terms in TERMS:
                vectorizer = TfidfVectorizer(
                    **terms, max_features=FEATURES, min_df=rare, sublinear_tf=True, dtype=np.float32
                )
                try:
                    columns.append(vectorizer.fit_transform(texts))
                except ValueError:
                    # No term is frequent enough.
                    continue
                vectorizers.append(vectorizer)
            self._vectorizers.append(vectorizers)
            found.append(columns)
        self.fitted = self._spaces(inputs, found)

    def __call__(self, inputs: Sequence[Fields]) -> list[Matrix]:
        """Records x columns, to choose from: overlaps, all features, those of each text, and words
        and characters of the whole input."""
        texts = zip(self._texts(inputs), self._vectorizers, strict=True)
        return self._spaces(inputs, [[one.transform(own) for one in fit] for own, fit in texts])

    def _spaces(self, inputs: Sequence[Fields], found: Sequence[Sequence[Matrix]]) -> list[Matrix]:
        overlaps = sparse.csr_matrix(self._overlaps(inputs))
        *texts, whole = found
        blocks = [sparse.hstack(columns, format="csr") for columns in texts if columns]
        alone = blocks if len(blocks) > 1 else []
        return [overlaps, sparse.hstack([overlaps, *blocks], format="csr"), *alone, *whole]

    def _texts(self, inputs: Sequence[Fields]) -> Iterator[list[str]]:
        """Each field, the words that two groups of fields share or do not, and the whole."""
        for name in self._names:
            yield [" ".join(fields.get(name, []))[:LONGEST] for fields in inputs]
        for groups in self._groups:
            sets = [[_words(fields, group) for group in groups] for fields in inputs]
            for part in (set.intersection, set.difference, lambda a, b: b - a):
                yield [" ".join(sorted(part(a, b)))[:LONGEST] for a, b in sets]
        yield [" ".join(chain(*fields.values()))[:LONGEST] for fields in inputs]

    def _overlaps(self, inputs: Sequence[Fields]) -> Array:
        blocks = [np.ones((len(inputs), 1), dtype=np.float32)]
        for one, other in self._pairs:
            items = [(fields.get(one, []), fields.get(other, [])) for fields in inputs]
            whole = [(" ".join(a), " ".join(b)) for a, b in items]
            blocks.append(self._overlap(whole))
            if any(len(a) > 1 or len(b) > 1 for a, b in items):
                blocks.append(self._overlap.most(items))
            blocks.append(np.array([[not a or not b] for a, b in whole], dtype=np.float32))
        return np.hstack(blocks)


def _words(fields: Fields, names: Sequence[str]) -> set[str]:
    """The words of some fields of an input."""
    return set(words(" ".join(text for name in names for text in fields.get(name, []))))


def classify(
    train: Sequence[Record],
    val: Sequence[Record],
    label: Callable[[Record], str],
    measure: Measure,
    positive: str | None = None,
) -> tuple[list[str], Scores]:
    """Classes in order, and what scores records by them: records x classes, the best highest.

    Args:
        label: the right class of a record.
        measure: how good answers are, given right ones and answers.
        positive: the class that it is the F1 of.
    """
    every = [*train, *val]
    labels = np.array(list(map(label, every)))
    classes = sorted(set(labels[: len(train)]))
    prior = np.log([np.mean(labels[: len(train)] == one) for one in classes])
    offsets = [share * prior for share in PRIORS]
    if positive in classes:
        own = np.array(classes) == positive
        offsets = [offsets[0], *(prior - leaning * own for leaning in LEANINGS)]
    features = Features([fields_of(record.input) for record in every])
    parts = held_out(train, val, labels, ROUNDS)
    right = labels[np.concatenate([held for _, held in parts])]
    tried: list[tuple[float, int, float, NDArray[np.float64]]] = []
    for space, known in enumerate(features.fitted):
        fitted = _coordinates(known)
        for strength in STRENGTHS:
            found = np.vstack(
                [
                    _fitted(fitted[some], labels[some], strength, classes)(fitted[held])
                    for some, held in parts
                ]
            )
            for offset in offsets:
                answers = [classes[i] for i in (found - offset).argmax(axis=1)]
                tried.append((measure(right, answers), space, strength, offset))
    ranked = [one[1:] for one in sorted(tried, key=lambda one: -one[0])]
    best = ranked[:MODELS]
    if positive is None:
        spaces = dict.fromkeys(space for space, _, _ in ranked)
        best = [next(one for one in ranked if one[0] == space) for space in spaces][:KINDS]
    models = {
        (space, strength): _fitted(
            features.fitted[space][: len(train)], labels[: len(train)], strength, classes
        )
        for space, strength, _ in best
    }

    def scores(records: Sequence[Record]) -> NDArray[np.float64]:
        found = features([fields_of(record.input) for record in records])
        rated = {key: model(found[key[0]]) for key, model in models.items()}
        total: NDArray[np.float64] = np.sum(
            [rated[space, strength] - offset for space, strength, offset in best], axis=0
        )
        return total

    return classes, scores


def _coordinates(features: Matrix) -> Matrix:
    """Features with as many columns as there are records and the same scalar products, if that is
    fewer: linear models of both answer alike."""
    if features.shape[0] > SMALL:
        return features
    values, vectors = np.linalg.eigh((features @ features.T).toarray())
    kept = values > 1e-6 * values[-1]
    return vectors[:, kept] * np.sqrt(values[kept])


def _fitted(
    features: Matrix, labels: NDArray[np.str_], strength: float, classes: Sequence[str]
) -> Callable[[Matrix], NDArray[np.float64]]:
    """What gives the logarithms of the probabilities of classes."""
    known = [number for number, one in enumerate(classes) if one in labels]
    model = LogisticRegression(C=strength, max_iter=100, tol=1e-3)
    if len(known) > 1:
        # Validation records may have classes that no training record has.
        rows = np.isin(labels, classes)
        model.fit(features if rows.all() else features[rows], labels[rows])

    def scores(others: Matrix) -> NDArray[np.float64]:
        found = np.zeros((others.shape[0], len(classes)))
        found[:, known] = model.predict_proba(others) if len(known) > 1 else 1.0
        return np.log(np.maximum(found, 1e-9))

    return scores
