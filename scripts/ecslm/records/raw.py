"""From raw rows in the release's form to records: cleaning, checking, stable ids."""

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ecslm.files import InputError, canonical_json, sha256_of_text
from ecslm.records.fields import is_nothing, parse_options
from ecslm.records.record import Record, Relevance, Split
from ecslm.records.settings import DatasetSettings

COLUMNS = ("split", "task", "setting", "instruction", "input", "output")
GRADES = "ESCI"
# The label file follows the rows of these, which are in one order.
LABELLED_SETTINGS = ("IND_Diverse_Instruction", "IND_Single_Instruction")
LETTERED = re.compile(r"[A-Z]:")
MOST_PROBLEMS = 20


def build_records(
    rows: Iterable[Mapping[str, Any]],
    task: str,
    split: Split,
    settings: DatasetSettings,
    labels: Sequence[Sequence[str]] | None,
) -> list[Record]:
    """Records of one task and split, setting by setting in the order of `settings`.

    Args:
        rows: raw rows of that task and split, of any setting.
        labels: relevance labels of the IND test rows of a ranking task, in row order.

    Raises:
        InputError: rows are broken, a setting has none, or labels disagree with the outputs.
    """
    problems: list[str] = []
    records: list[Record] = []
    ids: Counter[str] = Counter()
    samples: dict[str, Counter[str]] = {setting: Counter() for setting in settings.settings}
    for number, row in enumerate(rows, start=1):
        if row["setting"] not in samples:
            continue
        try:
            record = _record(row, task, split, settings.answer, ids, samples[row["setting"]])
        except ValueError as error:
            problems.append(f"{task} {split}, row {number} ({row['setting']}): {error}")
            continue
        records.append(record)
    for setting in settings.settings:
        if not problems and not any(record.setting == setting for record in records):
            problems.append(
                f"{task} {split}: no rows of {setting} under the names "
                f"{', '.join((task, *settings.aliases))}: mend `tasks`, `settings` or the data"
            )
    if problems:
        more = len(problems) - MOST_PROBLEMS
        shown = problems[:MOST_PROBLEMS] + ([f"and {more} more"] if more > 0 else [])
        raise InputError(*shown)
    order = {setting: place for place, setting in enumerate(settings.settings)}
    records.sort(key=lambda record: order[record.setting])
    if settings.answer == "ranking" and split == "test":
        return _with_relevance(records, labels, task)
    return records


def _record(
    row: Mapping[str, Any],
    task: str,
    split: Split,
    answer: str,
    ids: Counter[str],
    samples: Counter[str],
) -> Record:
    """One record. Equal samples of a setting are told apart by an ordinal in their ids."""
    try:
        options = parse_options(row.get("options"))
    except ValueError as error:
        raise ValueError(f"options: {error}") from None
    for name in ("instruction", "input", "output"):
        if not row[name].strip():
            raise ValueError(f"{name}: empty")
    _check_output(row["output"], options, answer)
    sample = canonical_json([task, row["input"], options, row["output"]])
    samples[sample] += 1
    sample_id = _identity(sample, samples[sample])
    example = row.get("few_shot_example")
    content = canonical_json([sample_id, row["setting"], row["instruction"]])
    ids[content] += 1
    return Record(
        id=_identity(content, ids[content]),
        sample_id=sample_id,
        task=task,
        split=split,
        setting=row["setting"],
        instruction=row["instruction"],
        input=row["input"],
        options=options,
        output=row["output"],
        few_shot_example=None if is_nothing(example) else _example(example),
        relevance=None,
    )


def _identity(content: str, ordinal: int) -> str:
    return sha256_of_text(content if ordinal == 1 else f"{content}#{ordinal}")[:16]


def _example(value: Any) -> str:
    """The original string, after checking what the prompt will take from it."""
    if not isinstance(value, str):
        raise ValueError("few_shot_example: not text")
    try:
        example = json.loads(value)
        parse_options(example.get("options"))
        whole = isinstance(example["input"], str) and isinstance(example["output"], str)
    except (ValueError, KeyError, AttributeError, RecursionError):
        whole = False
    if not whole:
        raise ValueError("few_shot_example: not a JSON object with input, options and output")
    return value


def _check_output(output: str, options: list[str] | None, answer: str) -> None:
    if answer == "choice":
        if options is None:
            raise ValueError("options: none, and the task chooses among options")
        letters = [option[0] for option in options if LETTERED.match(option)]
        if len(letters) != len(options):
            raise ValueError("options: one lacks its letter and colon, as in `A: ...`")
        if len(set(letters)) != len(letters):
            raise ValueError("options: two have the same letter")
        if output not in letters and output not in options:
            raise ValueError(f"output: {output!r} is neither an option nor an option's letter")
    elif answer == "yes_no":
        if output not in ("yes", "no"):
            raise ValueError(f"output: {output!r} is neither yes nor no")
    elif answer == "ranking":
        letters = output.split(",")
        if sorted(letters) != [chr(ord("A") + i) for i in range(len(letters))]:
            raise ValueError(f"output: {output!r} is not an order of the letters A, B, ...")
    elif answer == "extraction":
        _check_entries(output)


def _check_entries(output: str) -> None:
    try:
        entries = json.loads(output)
    except (ValueError, RecursionError):
        entries = None
    if not isinstance(entries, list) or not entries:
        raise ValueError("output: not a JSON list of objects")
    for entry in entries:
        if not isinstance(entry, dict) or not {"attribute", "value"} <= set(entry):
            raise ValueError("output: an entry is not an object with attribute and value")


def _with_relevance(
    records: Sequence[Record], labels: Sequence[Sequence[str]] | None, task: str
) -> list[Record]:
    """Give ranking records their labels.

    The label file follows the rows of IND Single and IND Diverse; other settings of the same
    samples take the labels by sample. Without labels, the order of `output` gives them by rank.
    """
    if labels is None:
        return [
            record.model_copy(update={"relevance": _by_rank(record.output)}) for record in records
        ]
    by_sample: dict[str, list[Relevance]] = {}
    for setting in LABELLED_SETTINGS:
        rows = [record for record in records if record.setting == setting]
        if rows:
            by_sample |= _matched(rows, labels, f"{task} {setting}")
    missing = [record for record in records if record.sample_id not in by_sample]
    if missing:
        raise InputError(
            f"{task}: {len(missing)} rows, the first of {missing[0].setting}, are samples that the "
            f"rows of {' and '.join(LABELLED_SETTINGS)}, which have labels, lack: leave out "
            "`labels`, or the setting"
        )
    return [
        record.model_copy(update={"relevance": by_sample[record.sample_id]}) for record in records
    ]


def _matched(
    rows: Sequence[Record], labels: Sequence[Sequence[str]], where: str
) -> dict[str, list[Relevance]]:
    if len(rows) != len(labels):
        raise InputError(f"{where}: {len(rows)} rows and {len(labels)} rows of labels")
    problems = []
    matched: dict[str, list[Relevance]] = {}
    for number, (record, row) in enumerate(zip(rows, labels, strict=True), start=1):
        order = sorted(range(len(row)), key=lambda i: GRADES.index(row[i]))
        if len(set(row)) != len(row):
            problems.append(f"{where}: row {number}: a label stands twice in {row}")
        elif ",".join(chr(ord("A") + i) for i in order) != record.output:
            problems.append(f"{where}: row {number}: labels {row} disagree with {record.output!r}")
        matched[record.sample_id] = list(row)  # type: ignore[arg-type]
    if problems:
        raise InputError(*problems[:MOST_PROBLEMS])
    return matched


def _by_rank(output: str) -> list[Relevance]:
    """Labels that the order alone suggests: the first E, then S, C, I."""
    letters = output.split(",")
    grades: list[Relevance] = ["I"] * len(letters)
    for rank, letter in enumerate(letters[: len(GRADES)]):
        grades[ord(letter) - ord("A")] = GRADES[rank]  # type: ignore[call-overload]
    return grades
