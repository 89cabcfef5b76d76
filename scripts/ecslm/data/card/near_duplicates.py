"""Near duplicates: for each test text, the training text whose word shingles overlap most with it.

The similarity of two texts is their resemblance (A. Z. Broder, "On the resemblance and containment
of documents", Compression and Complexity of Sequences 1997): the Jaccard index of their sets of
shingles, |A & B| / |A | B|, a shingle being a run of consecutive words. K. Lee et al.
("Deduplicating training data makes language models better", ACL 2022) find candidates for near
duplicates by it, within training data and between training and evaluation data. Both estimate it
from sampled shingles; the data sets here are small enough to count them all.
"""

import re
import sys
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from tqdm import tqdm

SHINGLE_WORDS = 3

WORD = re.compile(r"\w+")
# Shingles are hashed to columns, and few collide: for two texts of 1,000 words, which is a million
# pairs of shingles, one pair in a quarter of all cases, out of a union of up to 2,000 shingles.
COLUMNS = 2**22
# Pairs of texts compared at a time; each takes about 40 bytes.
BLOCK_PAIRS = 2**21


class Nearest(NamedTuple):
    """The greatest similarity with any training text, and the index of the first that has it.

    `train` is None where no training text shares a shingle.
    """

    jaccard: float
    train: int | None


def shingles(text: str) -> set[str]:
    """Runs of three consecutive lower-cased words; of a shorter text, all its words as one.

    A text without words has none.
    """
    words = WORD.findall(text.lower())
    if not words:
        return set()
    starts = range(max(1, len(words) - SHINGLE_WORDS + 1))
    return {" ".join(words[start : start + SHINGLE_WORDS]) for start in starts}


def nearest(tests: Sequence[str], trains: Sequence[str]) -> list[Nearest]:
    """The nearest training text of each test text, in the order of `tests`."""
    if not tests or not trains:
        return [Nearest(0.0, None) for _ in tests]
    train = _indicators(trains)
    train_sizes = np.diff(train.indptr)
    by_shingle = train.T.tocsr()
    rows = max(1, BLOCK_PAIRS // len(trains))
    found: list[Nearest] = []
    for start in tqdm(
        range(0, len(tests), rows),
        unit="block",
        desc="near duplicates",
        disable=not sys.stderr.isatty(),
    ):
        test = _indicators(tests[start : start + rows])
        common = (test @ by_shingle).toarray()
        union = np.diff(test.indptr)[:, None] + train_sizes - common
        jaccard = common / np.maximum(union, 1)  # two texts without words: 0
        # argmax gives the first of several.
        best = zip(jaccard.max(axis=1).tolist(), jaccard.argmax(axis=1).tolist(), strict=True)
        found += [Nearest(value, index if value else None) for value, index in best]
    return found


def _indicators(texts: Sequence[str]) -> Any:
    """A sparse matrix of shape (texts, COLUMNS): 1 where the text has a shingle of that column."""
    # Takes seconds to import, so only after the files have been read and checked.
    from sklearn.feature_extraction.text import (  # type: ignore[import-untyped]
        HashingVectorizer,
    )

    vectorizer = HashingVectorizer(
        analyzer=shingles,
        n_features=COLUMNS,
        binary=True,
        norm=None,
        alternate_sign=False,
        dtype=np.int32,
    )
    return vectorizer.transform(texts)
