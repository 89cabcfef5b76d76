"""Near duplicates: for each test text, the training text whose word shingles overlap most with it.

The similarity of two texts is their resemblance (A. Z. Broder, "On the resemblance and containment
of documents", Compression and Complexity of Sequences 1997): the Jaccard index of their sets of
shingles, |A & B| / |A | B|, a shingle being a run of consecutive words. K. Lee et al.
("Deduplicating training data makes language models better", ACL 2022) find candidates for near
duplicates by it, within training data and between training and evaluation data. Both estimate it
from sampled shingles; the data sets here are small enough to count them all.

numpy alone does it: importing scikit-learn, whose vectorizers hash shingles, takes longer than all
the rest at the size of the demo.
"""

import re
import sys
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

SHINGLE_WORDS = 3

WORD = re.compile(r"\w+")
# The number of no word, in the shingle of a shorter text.
NO_WORD = 0

Numbers = npt.NDArray[np.int64]


class Nearest(NamedTuple):
    """The greatest similarity with any training text, and the index of the first that has it.

    `train` is None where no training text shares a shingle.
    """

    jaccard: float
    train: int | None


def nearest(tests: Sequence[str], trains: Sequence[str]) -> list[Nearest]:
    """The nearest training text of each test text, in the order of `tests`.

    A shingle is a run of three consecutive lower-cased words; all words of a shorter text are one.
    A text without words has none.
    """
    if not tests or not trains:
        return [Nearest(0.0, None) for _ in tests]
    sizes, shingles = _shingles([*tests, *trains])
    of_each = np.split(shingles, np.cumsum(sizes)[:-1])
    training = _Training(of_each[len(tests) :], different=int(shingles.max(initial=0)) + 1)
    progress = tqdm(
        of_each[: len(tests)], unit="text", desc="near duplicates", disable=not sys.stderr.isatty()
    )
    return [training.nearest(one) for one in progress]


class _Training:
    """The training texts by shingle."""

    def __init__(self, shingles: Sequence[Numbers], different: int) -> None:
        """Take the shingles of each text, and how many different ones there are in all texts."""
        self._sizes = np.array([len(one) for one in shingles])
        every = np.concatenate(shingles)
        order = np.argsort(every, kind="stable")
        self._texts = np.repeat(np.arange(len(shingles)), self._sizes)[order]
        # Those with shingle i are _texts[_starts[i]:_starts[i + 1]].
        self._starts = np.searchsorted(every[order], np.arange(different + 1))

    def nearest(self, shingles: Numbers) -> Nearest:
        """The nearest text to one with these shingles."""
        starts, ends = self._starts[shingles].tolist(), self._starts[shingles + 1].tolist()
        sharing = [self._texts[a:b] for a, b in zip(starts, ends, strict=True) if a < b]
        if not sharing:
            return Nearest(0.0, None)
        common = np.bincount(np.concatenate(sharing), minlength=len(self._sizes))
        jaccard = common / (len(shingles) + self._sizes - common)
        # argmax gives the first of several.
        best = int(jaccard.argmax())
        return Nearest(float(jaccard[best]), best)


def _shingles(texts: Iterable[str]) -> tuple[Numbers, Numbers]:
    """How many different shingles each text has, and their numbers, text by text."""
    words: dict[str, int] = {}
    windows = [_windows(text, words) for text in texts]
    first, second, third = np.concatenate(windows).T
    # Three words become one number in two steps: all triples that could be might be too many.
    pairs = _ranks(first * (len(words) + 1) + second)
    shingles = _ranks(pairs * (len(words) + 1) + third)
    different = int(shingles.max(initial=0)) + 1
    owners = np.repeat(np.arange(len(windows)), [len(one) for one in windows])
    ordered = np.sort(owners * different + shingles)
    # Each once; np.unique, which hashes, takes four times as long.
    owners, shingles = np.divmod(ordered[np.diff(ordered, prepend=-1) > 0], different)
    return np.bincount(owners, minlength=len(windows)), shingles


def _windows(text: str, words: dict[str, int]) -> Numbers:
    """The numbers of three consecutive words, of shape (shingles, 3); numbers new words."""
    numbers = [words.setdefault(word, len(words) + 1) for word in WORD.findall(text.lower())]
    if not numbers:
        return np.empty((0, SHINGLE_WORDS), np.int64)
    padded = np.array(numbers + [NO_WORD] * (SHINGLE_WORDS - len(numbers)), np.int64)
    return np.lib.stride_tricks.sliding_window_view(padded, SHINGLE_WORDS)


def _ranks(values: Numbers) -> Numbers:
    """The place of each value among the different ones."""
    return np.unique(values, return_inverse=True)[1]
