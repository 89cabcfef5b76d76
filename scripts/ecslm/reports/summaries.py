"""What a finished run prints of its scores, score.py of those of one task, compare.py and
differences.py of differences, and count_answers.py of answers without records: tables of plain
text.

Left out of code digests: an edit here computes no score and tests no difference again.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from os.path import commonpath
from pathlib import Path

from ecslm.common.hashing import sha256_of_file
from ecslm.common.manifests import read_manifest
from ecslm.common.text import shown
from ecslm.common.tidy_rows import read_tidy
from ecslm.comparisons.results import Difference
from ecslm.reports.words import aligned, columns_of, facts, plain
from ecslm.schemas.fields import OPTION
from ecslm.schemas.metrics_file import CONSTANT_SHARE, MetricsFile, OutcomeRow
from ecslm.schemas.paths import REPORT_PAGE, REPORT_PDF, SCORES_PARQUET
from ecslm.schemas.prediction import ScoredPrediction, read_answers
from ecslm.scoring.answers import agreement, answer_counts
from ecslm.tables.model import MISSING, percent_text, score_text
from ecslm.tables.notes import SHOWN_DIGITS
from ecslm.tables.scores import MOST_OF_ANSWER, Scores
from ecslm.tidy.scores import COLUMNS, rows_of
from ecslm.tidy.study import StudyContext

OF_RUN = ("Task", "Metric", "Score", "95 % interval", "Invalid", "Untuned", "Best simple")
# After a simple baseline that is as good as the model.
AS_GOOD = " (!)"
NO_SCORES = "No scores yet, or those of an earlier version: the target `metrics` makes them"
WARNING = "(!) a simple baseline is as good as the model or better, and costs less to use"
PLACES = {"Report": REPORT_PAGE, "Report as PDF": REPORT_PDF, "All": ""}
OUTDATED = " (out of date: target `report` rebuilds it)"
OF_DIFFERENCES = (
    *("contrast", "a", "b", "setting", "model", "n", "n_b", "value_a", "value_b", "difference"),
    *("ci95", "reliable", "p", "p_holm", "sound"),
)
OF_ANSWERS = ("Model", "Answers to", "Number", "Distinct", "Most frequent", "Share", "Answer", "")
AGREEMENT = ("Model", "Model", "Answers to", "Same answer", "By chance")

# The answers of a model to the records of one file and setting, by both their names.
Answers = Mapping[tuple[str, str], Sequence[str]]


def run_summary(study: str, setting: str, context: StudyContext, results: Path) -> str:
    """The summary's text: what has been scored in a setting, and the results that exist.

    Each tuned model is shown beside its base, and all others by themselves.
    """
    path, models = results / SCORES_PARQUET, context.models
    found = read_tidy(path) if path.is_file() else []
    known = bool(found) and COLUMNS.keys() <= found[0].keys()
    scores = Scores(found if known else (), context)
    free = {n: one for n, one in models.items() if not (one.tuned or one.learned or one.limits)}
    # Without its adapter and an example.
    untuned = {one.family: n for n, one in free.items() if one.local and not one.shots}
    bases = {n: untuned.get(one.family) for n, one in models.items() if one.trained}
    lines: list[str] = []
    for name in (*bases, *(one for one in free if one not in bases.values())):
        if rows := list(_rows(context, scores, setting, name, bases.get(name))):
            table = aligned([OF_RUN, *(row for row, _ in rows)], right=range(2, 6))
            lines += [name, *table, *(note for _, note in rows if note), ""]
    lines += [WARNING, ""] if any(AS_GOOD in line for line in lines) else []
    if lines:
        lines = [f"Study {study}: strict scores, {context.setting_title(setting)}", "", *lines]
    lines += [] if known else [NO_SCORES, ""]
    for what, place in PLACES.items():
        if (at := results / place).exists():
            lines.append(f"{what}: {at}{OUTDATED * (place == REPORT_PDF and _is_outdated(at))}")
    return "\n".join(lines)


def _is_outdated(pdf: Path) -> bool:
    """Whether a file that the PDF was made from has changed since: most runs make no PDF."""
    manifest = pdf.with_name(f"{pdf.name}.manifest.json")
    read = read_manifest(manifest).inputs if manifest.exists() else {}
    files = ((Path(path), digest) for path, digest in read.items())
    return any(not file.exists() or sha256_of_file(file) != digest for file, digest in files)


def _rows(
    context: StudyContext, scores: Scores, setting: str, model: str, base: str | None
) -> Iterator[tuple[tuple[str, ...], str]]:
    """The row of each task, and a note below them all."""
    for code, task in context.tasks.items():
        if (own := scores.of(model, code, setting)) is None:
            continue
        name, simple = scores.simple(code, setting) or ("", None)
        before, interval = scores.of(base, code, setting), own.cell.interval
        best = f"{simple.cell.shown} {name}" if simple else MISSING
        values = [one.strict for one in (own, simple) if one and one.strict is not None]
        if len(values) == 2 and round(values[0], SHOWN_DIGITS) <= round(values[1], SHOWN_DIGITS):
            best += AS_GOOD
        row = (
            code,
            task.metric,
            own.cell.shown,
            f"{score_text(interval.low)}-{score_text(interval.high)}" if interval else MISSING,
            MISSING if own.invalid is None else f"{percent_text(own.invalid, 0)} %",
            before.cell.shown if before else MISSING,
            best,
        )
        yield row, f"{code}: the answer is {own.constant}" if own.constant else ""


def score_summary(metrics: MetricsFile) -> str:
    """The content of a metrics file: what is known of each setting, and who was taken for whom."""
    of = "" if metrics.model is None else f" of {plain(metrics.model)}"
    seed = "" if metrics.seed is None else f", seed {metrics.seed}"
    lines = [f"{plain(metrics.task)}: {metrics.metric}{of}{seed}"]
    found = list(rows_of(metrics))
    for setting in metrics.settings:
        known = dict(facts(row for row in found if row["setting"] == setting))
        confusion = known.pop("Answers", {})
        lines += ["", plain(setting), *aligned([(f"  {name}", known[name]) for name in known])]
        if confusion:
            answers = columns_of(confusion)
            rows = [(x, *(str(row.get(y, 0)) for y in answers)) for x, row in confusion.items()]
            table = aligned([("", *answers), *rows], right=range(1, 1 + len(answers)))
            lines += ["  Right answers (rows) by answers (columns)", *(f"  {one}" for one in table)]
    return "\n".join(lines)


def invalid_answers(predictions: Sequence[ScoredPrediction], outcomes: Sequence[OutcomeRow]) -> str:
    """The answers that strict could not read, in the order of the file; long ones are cut."""
    rows = [
        (one.setting, one.id, shown(one.reference), shown(one.prediction))
        for one, outcome in zip(predictions, outcomes, strict=True)
        if outcome.invalid
    ]
    title = f"Answers that strict could not read: {len(rows):,} of {len(predictions):,}"
    table = aligned([("Setting", "Id", "Reference", "Answer"), *rows]) if rows else []
    return "\n".join([title, "", *table])


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
    return "\n".join(lines).strip()


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
        for _, line in lines:
            # The setting of a list is in its name.
            setting = "" if path.suffix == ".json" else line.setting or ""
            option, answer = OPTION.fullmatch(line.prediction), line.prediction.strip()
            of = model, f"{name} {setting}".strip()
            found.setdefault(of, []).append(option[1] if option else answer)
    return found


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
    return (
        *(f"{number:,}" for number in (len(texts), one.distinct, one.count)),
        f"{percent_text(share)} %",
        shown(one.most_frequent, MOST_OF_ANSWER),
        constant,
    )
