"""What files of answers say on their own, without records: constants, and agreement of models."""

import re
from collections.abc import Mapping, Sequence
from itertools import combinations
from os.path import commonpath
from pathlib import Path

from ecslm.common.text import shown
from ecslm.reports.plain_tables import aligned
from ecslm.schemas.metrics_file import CONSTANT_SHARE
from ecslm.schemas.prediction import read_answers as read_file
from ecslm.scoring.frequent import agreement, answer_counts
from ecslm.tables.model import MISSING, percent_text
from ecslm.tables.scores import MOST_OF_ANSWER

# An option with its letter, as in "A: positive".
_OPTION = re.compile(r"([A-Z])[:.)].*", re.DOTALL)
HEAD = ("Model", "Answers to", "Number", "Distinct", "Most frequent", "Share", "Answer", "")
AGREEMENT = ("Model", "Model", "Answers to", "Same answer", "By chance")

# The answers of a model to the records of one file and setting, by both their names.
Answers = Mapping[tuple[str, str], Sequence[str]]


def read_answers(paths: Sequence[Path]) -> dict[tuple[str, str], list[str]]:
    """The answers in files `{model}/.../{name}`, which are named by their paths.

    A file is a JSON list of texts, or JSON Lines with a `prediction` and perhaps a `setting`. An
    option counts as its letter: its text may differ from record to record.

    Raises:
        InputError: a file is missing or invalid.
    """
    # Files side by side are those of one model, about different tasks.
    common = commonpath([path.absolute().parent.parent for path in paths])
    found: dict[tuple[str, str], list[str]] = {}
    for path in paths:
        model, *rest = path.absolute().relative_to(common).parts
        if path.suffix == ".json":
            # Their setting is in the name, and there may be none.
            found[model, "/".join(rest)] = [_bare(one.prediction) for one in read_file(path)]
            continue
        for line in read_file(path):
            of = "/".join(rest) + (f" {line.setting}" if line.setting else "")
            found.setdefault((model, of.strip()), []).append(_bare(line.prediction))
    return found


def _bare(answer: str) -> str:
    """The letter of an option, or the answer itself."""
    option = _OPTION.fullmatch(answer.strip())
    return option[1] if option else answer.strip()


def summary(found: Answers, yes: int | None) -> str:
    """The counts of each file as a table, and the agreement of models on files of equal length.

    Args:
        yes: how many of the right answers are yes, if known.
    """
    rows = [(*name, *_counts(texts, yes)) for name, texts in found.items()]
    lines = aligned([HEAD, *rows], right=range(2, 6))
    pairs = [
        (a[0], b[0], a[1], *(f"{percent_text(share)} %" for share in agreement(found[a], found[b])))
        for a, b in combinations(found, 2)
        if a[1] == b[1] and len(found[a]) == len(found[b]) > 0
    ]
    return "\n".join([*lines, *(["", *aligned([AGREEMENT, *pairs], (3, 4))] if pairs else [])])


def _counts(texts: Sequence[str], yes: int | None) -> tuple[str, ...]:
    """How many answers, different ones and most frequent ones, and whether that is a constant:
    then, if it is yes or no, the F1 of always giving it."""
    if not texts:
        return ("0", *[MISSING] * 4, "")
    one = answer_counts(texts)
    share, answer = one.count / len(texts), one.most_frequent.lower()
    constant = "constant" if share >= CONSTANT_SHARE else ""
    if constant and yes is not None and answer in ("yes", "no"):
        f1 = 2 * yes / (len(texts) + yes) if answer == "yes" else 0.0
        constant = f"constant: always {answer} has F1 {f1:.3f}"
    numbers = [f"{number:,}" for number in (len(texts), one.distinct, one.count)]
    return (
        *numbers,
        f"{percent_text(share)} %",
        shown(one.most_frequent, MOST_OF_ANSWER),
        constant,
    )
