"""How much two texts have in common: weighted shares of shared words and of shared characters."""

from collections.abc import Sequence
from itertools import chain, product

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.feature_extraction.text import HashingVectorizer

Array = NDArray[np.float32]

# Pairs that are compared at once, which bounds the memory.
AT_ONCE = 50_000
# Characters of a text that are looked at.
LONGEST = 600
BINARY = {"binary": True, "norm": None, "alternate_sign": False, "n_features": 2**18}
SPACES = (
    HashingVectorizer(token_pattern=r"\w+", dtype=np.float32, **BINARY),
    HashingVectorizer(analyzer="char_wb", ngram_range=(3, 4), dtype=np.float32, **BINARY),
)
COLUMNS = 4 * len(SPACES)


class Overlap:
    """Compares texts; rare words weigh more, by their inverse document frequency (IDF)."""

    def __init__(self, texts: Sequence[str]) -> None:
        """
        Args:
            texts: the training records, by which words are rare.
        """
        self._weights = []
        for space in SPACES:
            counts = np.asarray(space.transform(_cut(texts)).sum(axis=0)).ravel()
            idf = np.log((1 + len(texts)) / (1 + counts)) + 1
            self._weights.append(sparse.diags(np.sqrt(idf).astype(np.float32)))

    def __call__(self, pairs: Sequence[tuple[str, str]]) -> Array:
        """Pairs x 8 numbers from 0 to 1: by words, then by characters, the share of the first text
        in the second, of the second in the first, the cosine, and the Jaccard index."""
        row = {text: number for number, text in enumerate(dict.fromkeys(chain(*pairs)))}
        rows = np.array([[row[a], row[b]] for a, b in pairs], dtype=np.int64).reshape(-1, 2)
        found = np.zeros((len(pairs), COLUMNS), dtype=np.float32)
        for number, (space, weights) in enumerate(zip(SPACES, self._weights, strict=True)):
            vectors = space.transform(_cut(list(row) or [""])) @ weights
            for start in range(0, len(pairs), AT_ONCE):
                part = slice(start, start + AT_ONCE)
                a, b = vectors[rows[part, 0]], vectors[rows[part, 1]]
                shared, of_a, of_b = (
                    np.asarray(one.multiply(other).sum(axis=1)).ravel()
                    for one, other in ((a, b), (a, a), (b, b))
                )
                totals = np.array([of_a, of_b, np.sqrt(of_a * of_b), of_a + of_b - shared])
                found[part, 4 * number : 4 * number + 4] = (shared / np.maximum(totals, 1e-9)).T
        return found

    def most(self, groups: Sequence[tuple[Sequence[str], Sequence[str]]]) -> Array:
        """The largest numbers of the pairs of two lists, 0 where one is empty: groups x 8."""
        found = self([pair for group in groups for pair in product(*group)])
        ends = np.cumsum([len(a) * len(b) for a, b in groups], dtype=np.int64)
        parts = np.split(found, ends)[:-1]
        return np.array([part.max(axis=0, initial=0) for part in parts]).reshape(-1, COLUMNS)


def _cut(texts: Sequence[str]) -> list[str]:
    return [text[:LONGEST] for text in texts]
