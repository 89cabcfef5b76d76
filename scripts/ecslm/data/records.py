"""Turns raw rows in the release's form into records: cleaning, checks, stable ids, labels."""

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from string import ascii_uppercase
from typing import Annotated, Any

from pydantic import BaseModel, Field, TypeAdapter
from pydantic_core import to_json

from ecslm.common.errors import refuse
from ecslm.common.text import shown
from ecslm.data.labels import LABELLED_SETTINGS, by_rank, require_agreement
from ecslm.data.problems import Kind, Problems, RowError
from ecslm.data.rows import Row
from ecslm.data.settings import DatasetSettings, RecordForm
from ecslm.schemas.fields import is_nothing, is_writable, parse_example, parse_object, parse_options
from ecslm.schemas.record import Record, Relevance, Split
from ecslm.schemas.task import Answer, InputForm, has_example

TEXTS = ("instruction", "input", "output")
LETTERED = re.compile(r"[A-Z]:")

Labels = Sequence[list[Relevance]] | None


class Extracted(BaseModel):
    """What an extraction's output must say of each attribute."""

    attribute: str
    value: str


EXTRACTION = TypeAdapter(Annotated[list[Extracted], Field(min_length=1)])


def build_records(
    rows: Iterable[Row], task: str, split: Split, settings: DatasetSettings, labels: Labels
) -> list[Record]:
    """The records of one task and split, ordered by setting as in `settings`.

    Args:
        rows: raw rows of that task and split, of any setting, each with its place in the source.
        labels: relevance labels of the IND test rows of a ranking task, in row order.

    Raises:
        InputError: rows have problems that are not tolerated, a setting has no rows, or there are
            more or fewer labels than rows.
    """
    problems = Problems()
    # Labels are in the row order of these settings, even if the file is to have others.
    needed = {*settings.settings, *(LABELLED_SETTINGS if labels is not None else ())}
    own = [row for row in rows if row[1].get("setting") in needed]
    records = clean_records(own, task, split, settings, labels, problems)
    found = {name: [one for one in records if one.setting == name] for name in settings.settings}
    problems.raise_unless(settings.source.tolerate)
    refuse(missing_records(task, split, settings.aliases, found))
    return [record for ones in found.values() for record in ones]


def missing_records(
    task: str, split: str, aliases: Iterable[str], records: Mapping[str, object]
) -> list[str]:
    """The problems that settings have no records, of which `records` has those of each, or how
    many they are."""
    untrained = "" if split == "test" else f", or set `train: false` for {task}"
    names = ", ".join((task, *aliases))
    fix = f"fix `tasks`, `settings` or the data{untrained}"
    return [
        f"{task} {split}: no usable rows of {setting} under the names {names}: {fix}"
        for setting, found in records.items()
        if not found
    ]


def clean_records(
    rows: Iterable[Row],
    task: str,
    split: Split,
    form: RecordForm,
    labels: Labels,
    problems: Problems,
) -> list[Record]:
    """The rows of one task and split that can become records, in row order.

    Args:
        labels: as in `build_records`. They are in the row order of IND Single and IND Diverse;
            rows of other settings have those of their sample.
        problems: collects the rows that cannot.

    Raises:
        InputError: there are more or fewer labels than rows.
    """
    ranked = form.answer == "ranking" and split == "test"
    seen: Counter[Any] = Counter()
    # Rows of each setting so far: one that cannot become a record has labels too.
    numbers: Counter[str] = Counter()
    of_sample: dict[str, list[Relevance]] = {}
    found: list[tuple[str, Record]] = []
    for where, row in rows:
        setting = str(row.get("setting"))
        number = numbers[setting]
        numbers[setting] += 1
        try:
            record = _record(row, task, split, form, seen)
            if ranked and labels is not None and setting in LABELLED_SETTINGS:
                # Of a row too many there are none.
                own = labels[number] if number < len(labels) else []
                require_agreement(record.output, own)
                of_sample[record.sample_id] = own
        except RowError as problem:
            problems.add(problem.kind, where, problem.message)
        else:
            found.append((where, record))
    if not ranked or labels is None:
        return [by_rank(record) if ranked else record for _, record in found]
    refuse(
        f"{task} {split} {setting}: {numbers[setting]} rows, but {len(labels)} rows of labels"
        for setting in LABELLED_SETTINGS
        if numbers[setting] not in (0, len(labels))
    )
    none = f"no row of {' or '.join(LABELLED_SETTINGS)}, which have labels, has this sample"
    labelled: list[Record] = []
    for where, record in found:
        if record.sample_id in of_sample:
            relevance = of_sample[record.sample_id]
            labelled.append(record.model_copy(update={"relevance": relevance}))
        else:
            told = f"relevance: {none}: remove `labels`, or the setting"
            problems.add("label_disagreement", where, told)
    return labelled


def _record(
    row: Mapping[str, Any], task: str, split: Split, form: RecordForm, seen: Counter[Any]
) -> Record:
    """One record, without relevance. Equal samples of a setting get different ids by an ordinal.

    Args:
        seen: how often whole records, and samples of a setting, have occurred.

    Raises:
        RowError: the row cannot become a record, or occurs again.
    """
    fields = _fields(row, form)
    setting, instruction = fields["setting"], fields["instruction"]
    # As `canonical_json` writes texts, in a third of its time.
    sample = to_json([task, fields["input"], fields["options"], fields["output"]])
    digest = sha256(sample).hexdigest()
    whole = (digest, setting, instruction, fields["few_shot_example"])
    if whole in seen:
        raise RowError("duplicate_record", "identical to an earlier row")
    seen.update([whole, (setting, digest)])
    if (ordinal := seen[setting, digest]) > 1:
        digest = sha256(sample + f"#{ordinal}".encode()).hexdigest()
    sample_id = digest[:16]
    id_ = sha256(to_json([sample_id, setting, instruction])).hexdigest()[:16]
    return Record(id=id_, sample_id=sample_id, task=task, split=split, relevance=None, **fields)


def _fields(row: Mapping[str, Any], form: RecordForm) -> dict[str, Any]:
    """The fields of a record that are those of its row; options are a list, or None.

    Raises:
        RowError: the row cannot become a record.
    """
    missing = [name for name in ("setting", *TEXTS) if not isinstance(row.get(name), str)]
    if missing:
        fix = "write it in quotes, as JSON text"
        raise RowError("missing_field", f"no text in {', '.join(missing)}: {fix}")
    if empty := [name for name in TEXTS if not row[name].strip()]:
        raise RowError("empty_field", f"{empty[0]}: empty")
    options = _parsed("bad_options", "options", parse_options, row.get("options"))
    text, setting = row.get("few_shot_example"), row["setting"]
    if is_nothing(text) == has_example(setting):
        told = f"{setting} {'needs one' if is_nothing(text) else 'has none'}"
        raise RowError("bad_example", f"few_shot_example: {told}")
    said = None if is_nothing(text) else str(text)
    example = said and _parsed("bad_example", "few_shot_example", parse_example, said)
    fields = {
        "setting": setting,
        **{name: row[name] for name in TEXTS},
        "options": options,
        "few_shot_example": said,
    }
    texts = [setting, *(row[name] for name in TEXTS), *(options or ())]
    if said:
        texts += [said, json.dumps(example, ensure_ascii=False)]
    if not is_writable("".join(texts)):
        raise RowError("unwritable_text", "a text contains an unpaired surrogate")
    check_output(row["output"], options, form.answer)
    check_input(row["input"], form.input, form.answer, row["output"])
    return fields


def _parsed(kind: Kind, name: str, parse: Any, value: Any) -> Any:
    """What a field means.

    Raises:
        RowError: it means nothing.
    """
    try:
        return parse(value)
    except ValueError as error:
        raise RowError(kind, f"{name}: {error}") from None


def check_output(output: str, options: Sequence[str] | None, answer: Answer) -> None:
    """Refuse an output that no answer could match.

    Raises:
        RowError: the output or the options are not what the type of answer needs.
    """
    problem = ""
    match answer:
        case "choice":
            letters = {option[0] for option in options or () if LETTERED.match(option)}
            if not options or len(letters) != len(options):
                told = "options: each needs a letter of its own and a colon, as in `A: ...`"
                raise RowError("bad_options", told)
            if output not in letters and output not in options:
                told = f"output: {shown(output)} is neither an option nor an option's letter"
                raise RowError("answer_not_in_options", told)
        case "yes_no" if output not in ("yes", "no"):
            problem = f"{shown(output)} is neither yes nor no, in lower case"
        case "ranking":
            ranked = sorted(output.split(","))
            if ranked != list(ascii_uppercase[: len(ranked)]):
                problem = f"{shown(output)} is not a permutation of the letters A, B, ..."
        case "extraction":
            try:
                EXTRACTION.validate_json(output)
            except ValueError:
                problem = "not a JSON list of objects, each with texts in attribute and value"
    if problem:
        raise RowError("bad_output", f"output: {problem}")


def check_input(text: str, form: InputForm, answer: Answer, output: str) -> None:
    """Refuse an input that is not of its task's form. The parsed value is not kept.

    Raises:
        RowError: the input cannot be parsed, or lacks a field that the task is about.
    """
    problem = ""
    if form == "list" and not _parsed("bad_input", "input", parse_options, text):
        problem = "an empty list"
    elif form == "object":
        parts = _parsed("bad_input", "input", parse_object, text)
        if answer == "extraction" and not isinstance(parts.get("target attributes"), str):
            problem = "no text in `target attributes`"
        elif answer == "ranking":
            products = parts.get("product list")
            begins = [str(one)[:2] for one in products] if isinstance(products, list) else []
            if not begins or begins != [f"{letter}:" for letter in ascii_uppercase[: len(begins)]]:
                problem = "no list of texts that begin with `A:`, `B:`, ... in `product list`"
            elif len(begins) != (count := output.count(",") + 1):
                told = f"output: {shown(output)} ranks {count} of {len(begins)} products"
                raise RowError("answer_not_in_options", told)
    if problem:
        raise RowError("bad_input", f"input: {problem}")
