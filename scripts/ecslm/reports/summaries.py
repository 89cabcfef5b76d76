"""What a finished run prints of its scores, compare.py and differences.py of differences, and
count_answers.py of answers without records: tables of plain text.

Left out of code digests: an edit here tests no difference again.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from os.path import commonpath
from pathlib import Path

from ecslm.common.text import shown
from ecslm.comparisons.results import Difference
from ecslm.reports.words import aligned
from ecslm.schemas.metrics_file import CONSTANT_SHARE
from ecslm.schemas.paths import REPORT_PAGE, REPORT_PDF
from ecslm.schemas.prediction import read_answers
from ecslm.scoring.answers import agreement, answer_counts
from ecslm.tables.model import MISSING, percent_text, score_text
from ecslm.tables.notes import SHOWN_DIGITS
from ecslm.tables.scores import MOST_OF_ANSWER, Scores
from ecslm.tables.settings import TableContext

OF_RUN = ("Task", "Metric", "Score", "95 % interval", "Invalid", "Untuned", "Best simple")
# After a simple baseline that is as good as the model.
AS_GOOD = " (!)"
WARNING = "(!) a simple baseline is as good as the model or better, and costs less to use"
PLACES = {
    "Tables": "tables",
    "Report": REPORT_PAGE,
    "Report as PDF": REPORT_PDF,
    "Exported models": "exports",
    "All": "",
}
OF_DIFFERENCES = (
    *("contrast", "a", "b", "setting", "model", "n", "n_b", "value_a", "value_b", "difference"),
    *("ci95", "reliable", "p", "p_holm", "sound"),
)
DIFFERENCES_NOTE = (
    "difference: of the strict scores, a minus b; ci95: its 95 % interval, perhaps too narrow if "
    "not reliable; p_holm: adjusted for all tests of the contrast; sound: whether there are "
    "enough records for the test"
)
# An option with its letter, as in "A: positive".
_OPTION = re.compile(r"([A-Z])[:.)].*", re.DOTALL)
OF_ANSWERS = ("Model", "Answers to", "Number", "Distinct", "Most frequent", "Share", "Answer", "")
AGREEMENT = ("Model", "Model", "Answers to", "Same answer", "By chance")

# The answers of a model to the records of one file and setting, by both their names.
Answers = Mapping[tuple[str, str], Sequence[str]]


def run_summary(study: str, setting: str, context: TableContext, results: Path) -> str:
    """The summary's text: what has been scored in a setting, and the results that exist.

    Each tuned model is shown beside its base, and all others by themselves.
    """
    scores, models = Scores(results, context, partial=True), context.models
    free = {n: one for n, one in models.items() if not (one.tuned or one.learned or one.limits)}
    # Without its adapter and an example.
    plain = {one.family: n for n, one in free.items() if one.local and not one.shots}
    bases = {n: plain.get(one.family) for n, one in models.items() if one.trained}
    lines: list[str] = []
    for name in (*bases, *(one for one in free if one not in bases.values())):
        if rows := list(_rows(context, scores, setting, name, bases.get(name))):
            lines += [name, *aligned([OF_RUN, *rows], right=range(2, 6)), ""]
    lines += [WARNING, ""] if any(AS_GOOD in line for line in lines) else []
    if lines:
        lines = [f"Study {study}: strict scores, {context.setting_title(setting)}", "", *lines]
    found = {what: results / place for what, place in PLACES.items()}
    return "\n".join([*lines, *(f"{what}: {at}" for what, at in found.items() if at.exists())])


def _rows(
    context: TableContext, scores: Scores, setting: str, model: str, base: str | None
) -> Iterator[tuple[str, ...]]:
    for code, task in context.tasks.items():
        if (own := scores.of(model, code, setting)) is None:
            continue
        name, simple = scores.simple(code, setting) or ("", None)
        measured = (own, simple, scores.of(base, code, setting))
        value, other, before = (one.strict if one else None for one in measured)
        interval, invalid, best = own.cell.interval, own.invalid, f"{_score(other)} {name}"
        if value is not None and other is not None:
            best += AS_GOOD * (round(value, SHOWN_DIGITS) <= round(other, SHOWN_DIGITS))
        yield (
            code,
            task.metric,
            _score(value),
            f"{score_text(interval.low)}-{score_text(interval.high)}" if interval else MISSING,
            MISSING if invalid is None else f"{percent_text(invalid, 0)} %",
            _score(before),
            "; ".join(filter(None, [best.strip(), own.constant])),
        )


def _score(value: float | None) -> str:
    return MISSING if value is None else score_text(value)


def difference_summary(differences: Mapping[str, Sequence[Difference]]) -> str:
    """What compare.py and differences.py print: of each task a table of its differences, or that it
    has none."""
    lines: list[str] = []
    for task, rows in differences.items():
        if not rows:
            lines += [f"{task}: no difference to test: no contrast has both of its sides", ""]
            continue
        cells = (tuple(_text(getattr(row, name, None)) for name in OF_DIFFERENCES) for row in rows)
        lines += [task, *aligned([OF_DIFFERENCES, *cells]), ""]
    return "\n".join([*lines, DIFFERENCES_NOTE])


def _text(value: object) -> str:
    """A value of a difference; what is not defined is missing."""
    if value is None:
        return MISSING
    if isinstance(value, tuple):
        return " to ".join(map(_text, value))
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def answers_in(paths: Sequence[Path]) -> dict[tuple[str, str], list[str]]:
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
        name, lines = "/".join(rest), read_answers(path)
        found |= {} if lines else {(model, name): []}
        for line in lines:
            # The setting of a list is in its name.
            setting = "" if path.suffix == ".json" else line.setting or ""
            of = f"{name} {setting}".strip()
            found.setdefault((model, of), []).append(_bare(line.prediction))
    return found


def _bare(answer: str) -> str:
    """The letter of an option, or the answer itself."""
    option = _OPTION.fullmatch(answer.strip())
    return option[1] if option else answer.strip()


def answer_summary(found: Answers, yes: int | None) -> str:
    """The counts of each file as a table, and the agreement of models on files of equal length.

    Args:
        yes: how many of the right answers are yes, if known.
    """
    rows = [(*name, *_counts(texts, yes)) for name, texts in found.items()]
    lines = aligned([OF_ANSWERS, *rows], right=range(2, 6))
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
