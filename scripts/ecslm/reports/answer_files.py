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


def summary(found: Answers, yes: int | None) -> str:
    """The counts of each file as a table, and the agreement of models on files of equal length.

    Args:
        yes: how many of the right answers are yes, if known.
    """
    head = ("Model", "Answers to", "Number", "Distinct", "Most frequent", "Share", "Answer", "")
    rows = [(*name, *_counts(texts, yes)) for name, texts in found.items()]
    lines = aligned([head, *rows], right=range(2, 6))
    pairs = [
        (a[0], b[0], a[1], *(f"{percent_text(share)} %" for share in agreement(found[a], found[b])))
        for a, b in combinations(found, 2)
        if a[1] == b[1] and len(found[a]) == len(found[b]) > 0
    ]
    if pairs:
        heads = ("Model", "Model", "Answers to", "Same answer", "By chance")
        lines += ["", *aligned([heads, *pairs], right=(3, 4))]
    return "\n".join(lines)


def _bare(text: str) -> str:
    option = _OPTION.fullmatch(text.strip())
    return option[1] if option else text.strip()


def _counts(texts: Sequence[str], yes: int | None) -> tuple[str, ...]:
    """How many answers, different ones and most frequent ones, and whether that is a constant."""
    if not texts:
        return ("0", *[MISSING] * 4, "")
    one = answer_counts(texts)
    share = one.count / len(texts)
    return (
        *(f"{number:,}" for number in (len(texts), one.distinct, one.count)),
        f"{percent_text(share)} %",
        shown(one.most_frequent, MOST_OF_ANSWER),
        _constant(one.most_frequent.lower(), len(texts), yes) if share >= CONSTANT_SHARE else "",
    )


def _constant(answer: str, records: int, yes: int | None) -> str:
    """That it is a constant and, if that is yes or no, the F1 of always giving it."""
    if yes is None or answer not in ("yes", "no"):
        return "constant"
    f1 = 2 * yes / (records + yes) if answer == "yes" else 0.0
    return f"constant: always {answer} has F1 {f1:.3f}"
