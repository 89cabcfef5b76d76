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
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

SHINGLE_WORDS = 3

WORD = re.compile(r"\w+")


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
    if not trains:
        return [Nearest(0.0, None) for _ in tests]
    training = [_shingles(text) for text in trains]
    sizes = np.array([len(one) for one in training])
    every = np.concatenate(training)
    order = np.argsort(every, kind="stable")
    # The training texts that have shingle i of all are owners[i].
    every, owners = every[order], np.repeat(np.arange(len(trains)), sizes)[order]
    found = []
    for text in tqdm(tests, unit="text", desc="near duplicates", disable=None):
        own = _shingles(text)
        starts, ends = (np.searchsorted(every, own, side) for side in ("left", "right"))
        sharing = [owners[a:b] for a, b in zip(starts, ends, strict=True) if a < b]
        if not sharing:
            found.append(Nearest(0.0, None))
            continue
        common = np.bincount(np.concatenate(sharing), minlength=len(trains))
        jaccard = common / (len(own) + sizes - common)
        # argmax gives the first of several.
        best = int(jaccard.argmax())
        found.append(Nearest(float(jaccard[best]), best))
    return found


def _shingles(text: str) -> npt.NDArray[np.int64]:
    """Numbers for the different shingles of a text; equal ones have the same in one process."""
    words = WORD.findall(text.lower())
    length = min(SHINGLE_WORDS, len(words)) or 1
    runs = zip(*(words[at:] for at in range(length)), strict=False)
    return np.unique(np.fromiter(map(hash, runs), np.int64))
