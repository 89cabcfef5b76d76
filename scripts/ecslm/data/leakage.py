"""Overlap of a task's test records with the training records, setting by setting.

Texts are compared byte for byte, except near duplicates (see `nearest`) and queries (stripped,
lower-cased). Numbers are of test records, so those of a setting can be read as shares of its
`records`; settings repeat the same samples, so their numbers must not be added up.

The similarity of two texts is their resemblance (A. Z. Broder, "On the resemblance and containment
of documents", Compression and Complexity of Sequences 1997): the Jaccard index of their sets of
shingles, |A & B| / |A | B|, a shingle being a run of consecutive words. K. Lee et al.
("Deduplicating training data makes language models better", ACL 2022) find near duplicates by it,
within training data and between training and evaluation data.
"""

import json
import re
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ecslm.data.reports import Leakage, SettingLeakage, Shared
from ecslm.schemas.fields import parse_list
from ecslm.schemas.record import Record

NEAR = 0.8
SHINGLE_WORDS = 3
MOST_PAIRS = 20

WORD = re.compile(r"\w+")
# An item's mark, as `1st: ` in a history and `A: ` among options, which ends at the first `: `.
MARK = re.compile(r"^.*?: ", re.DOTALL)


def leakage(
    test: Sequence[Record], train: Sequence[Record], other_train: Iterable[Record] = ()
) -> Leakage:
    """Measure what the test records of a task share with its training records.

    Args:
        test: the task's test records, of any settings; at least one.
        train: the task's training records.
        other_train: training records of other tasks; only their queries are compared.
    """
    first: dict[str, str] = {}
    for record in train:
        first.setdefault(record.input, record.id)
    samples = {_sample(record) for record in train}
    instructions = {record.instruction for record in train}
    queries = {_query(record) for record in (*train, *other_train)}
    targets = {target for record in train for _, target in _recommendations(record)}
    # Of each input that has a near duplicate: its id, and how similar. The same samples repeat
    # under several settings, so each input is compared once; an equal one is nearest.
    matches = {text: (name, 1.0) for text, name in first.items()}
    new = list(dict.fromkeys(record.input for record in test if record.input not in first))
    for text, (jaccard, index) in zip(new, nearest(new, list(first)), strict=True):
        if jaccard >= NEAR:
            matches[text] = list(first.values())[index], jaccard
    settings: dict[str, SettingLeakage] = {}
    for setting in dict.fromkeys(record.setting for record in test):
        records = [record for record in test if record.setting == setting]
        unseen = sum(record.instruction not in instructions for record in records)
        recommended = [found for record in records for found in _recommendations(record)]
        settings[setting] = SettingLeakage(
            records=len(records),
            exact=sum(record.input in first for record in records),
            exact_with_output=sum(_sample(record) in samples for record in records),
            near=sum(record.input in matches for record in records),
            instruction="mixed" if 0 < unseen < len(records) else "unseen" if unseen else "seen",
            queries=_shared([query in queries for one in records if (query := _query(one))]),
            history_targets=_shared([bool(history & targets) for history, _ in recommended]),
        )
    pairs: dict[str, dict[str, Any]] = {}
    for record in test:
        if record.input in matches:
            found, jaccard = matches[record.input]
            pair = {"test": record.id, "train": found, "jaccard": jaccard}
            pairs.setdefault(record.sample_id, pair)
    # Stable: equally similar pairs stay in the order of the test records.
    similar = sorted(pairs.values(), key=lambda pair: -pair["jaccard"])
    return Leakage(
        task=test[0].task,
        shingle_words=SHINGLE_WORDS,
        jaccard=NEAR,
        settings=settings,
        pairs=tuple(similar[:MOST_PAIRS]),
    )


def _shared(found: Sequence[bool]) -> Shared | None:
    return {"records": len(found), "shared": sum(found)} if found else None


def _sample(record: Record) -> tuple[object, ...]:
    return record.input, tuple(record.options or ()), record.output


def _query(record: Record) -> str | None:
    """The query of an input that is a JSON object with one; stripped, in one case.

    None for any other input, and for a blank query.
    """
    try:
        return str.strip(json.loads(record.input)["query"]).lower() or None
    except (ValueError, RecursionError, TypeError, LookupError):
        return None


def _recommendations(record: Record) -> list[tuple[set[str], str]]:
    """The history and the correct item, without marks, of a record that chooses the next item of a
    list of texts; nothing for other records."""
    answer = [one for one in record.options or () if record.output in (one, one.partition(":")[0])]
    try:
        items = parse_list(record.input) if answer else None
    except ValueError:
        return []
    if not isinstance(items, list) or not all(isinstance(item, str) for item in items):
        return []
    history, target = ([MARK.sub("", one).strip() for one in each] for each in (items, answer[:1]))
    return [(set(history), target[0])]


def nearest(tests: Sequence[str], trains: Sequence[str]) -> list[tuple[float, int]]:
    """The greatest similarity of each test text with any training text, and the index of the first
    that has it; (0, -1) where none has a shingle of it.

    A shingle is a run of three consecutive lower-cased words; all words of a shorter text are one.
    A text without words has none. numpy alone does it: importing scikit-learn takes longer than all
    the rest at the size of the demo.
    """
    training = [_shingles(text) for text in trains]
    sizes = np.array([len(one) for one in training])
    every = np.concatenate([*training, np.empty(0, np.int64)])
    order = np.argsort(every, kind="stable")
    # The training texts that have shingle i of all are owners[i].
    every, owners = every[order], np.repeat(np.arange(len(trains)), sizes.astype(int))[order]
    found = []
    for text in tests:
        own = _shingles(text)
        starts, ends = (np.searchsorted(every, own, side) for side in ("left", "right"))
        sharing = [owners[a:b] for a, b in zip(starts, ends, strict=True) if a < b]
        if not sharing:
            found.append((0.0, -1))
            continue
        common = np.bincount(np.concatenate(sharing), minlength=len(trains))
        jaccard = common / (len(own) + sizes - common)
        # argmax gives the first of several.
        best = int(jaccard.argmax())
        found.append((float(jaccard[best]), best))
    return found


def _shingles(text: str) -> npt.NDArray[np.int64]:
    """Numbers for the different shingles of a text; equal ones have the same in one process."""
    words = WORD.findall(text.lower())
    length = min(SHINGLE_WORDS, len(words)) or 1
    runs = zip(*(words[at:] for at in range(length)), strict=False)
    return np.unique(np.fromiter(map(hash, runs), np.int64))
