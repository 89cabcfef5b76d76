"""A whole source checked: counts, what is dropped, every kind of problem, mutated rows."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.project import ROOT
from support.raw_rows import IND, OOD

from ecslm.common.errors import InputError
from ecslm.data.checking import CheckSettings, check_rows
from ecslm.data.problems import Kind
from ecslm.data.reports import Report, read_counts
from ecslm.data.source import open_rows
from ecslm.schemas.paths import PUBLISHED_COUNTS

ONE_SHOT = "IND_Diverse_Instruction_1-shot"
EVERY_KIND = tuple(get_args(Kind))

Row = dict[str, Any]

TASKS = {
    "PM": {"aliases": ["Product_Matching"], "answer": "yes_no", "input": "object"},
    "SA": {"aliases": ["Sentiment_Analysis"], "answer": "choice"},
    "SR": {"aliases": ["Sequential_Recommendation"], "answer": "choice", "input": "list"},
    "QPR": {"aliases": ["Query_Product_Rank"], "answer": "ranking", "input": "object"},
    "AVE": {"aliases": ["Attribute_Value_Extraction"], "answer": "extraction", "input": "object"},
    "AG": {"aliases": ["Answer_Generation"], "answer": "generation", "input": "object"},
}

# A sound row of each task: input, options, output.
SAMPLES: dict[str, tuple[str, str | None, str]] = {
    "Product_Matching": ('{"product 1": {"price": NaN}}', None, "no"),
    "Sentiment_Analysis": ("Fits &amp; works.", '["A: good", "B: bad"]', "B: bad"),
    "Sequential_Recommendation": ("['1st: a lamp', \"2nd: it's\"]", "['A: mat', 'B: cup']", "B"),
    "Query_Product_Rank": ('{"query": "lamp", "product list": ["A: x", "B: y"]}', None, "B,A"),
    "Attribute_Value_Extraction": (
        '{"product title": "A lamp", "target attributes": "brand"}',
        None,
        '[{"attribute": "brand", "value": "None", "source": "None"}]',
    ),
    "Answer_Generation": ('{"question": "Is it loud?", "document": []}', None, "It hums."),
}


def row(task: str = "Product_Matching", **changes: Any) -> Row:
    """A sound test row of a task."""
    sample = dict(zip(("input", "options", "output"), SAMPLES[task], strict=True))
    fixed = {"split": "test", "task": task, "setting": IND, "instruction": "Answer."}
    return {**fixed, "few_shot_example": None, **sample, **changes}


ALL = [row(task) for task in SAMPLES]


def checked(file: Path, **changes: Any) -> CheckSettings:
    """Settings of a check of a file; `splits` are those of Product Matching."""
    tasks = {code: {**task, "splits": {}} for code, task in TASKS.items()}
    tasks["PM"]["splits"] = changes.pop("splits", {})
    source = {"source": "path", "path": str(file), "tolerate": changes.pop("tolerate", ())}
    fields = {"settings": [IND, OOD, ONE_SHOT], "published": [], "comparable": False}
    return CheckSettings.model_validate({"source": source, "tasks": tasks, **fields, **changes})


def check(
    folder: Path,
    content: str | bytes | Sequence[Row],
    labels: list[list[str]] | None = None,
    **changes: Any,
) -> Report:
    """The report on a file of such content."""
    if not isinstance(content, str | bytes):
        content = "".join(json.dumps(row) + "\n" for row in content)
    file = folder / "rows.jsonl"
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    wanted = checked(file, **changes)
    if labels is not None:
        wanted.tasks["QPR"].splits["test"] = (IND,)
    return check_rows(open_rows(wanted.source, folder / "cache"), wanted, labels)


def refused(folder: Path, content: str | bytes | Sequence[Row], **changes: Any) -> list[str]:
    with pytest.raises(InputError) as caught:
        check(folder, content, **changes)
    return [line.removeprefix("rows.jsonl: ") for line in caught.value.problems]


def used(report: Report) -> int:
    """The number of rows that can be used."""
    tasks = report.tasks.values()
    return sum(c.records for t in tasks for found in t.values() for c in found.values())


# A row, or a line, that has the problem, and how the line about it goes on after its place.
BROKEN: dict[str, tuple[Row | str, str]] = {
    "unreadable_row": ("{'task': 'PM'}", "not JSON (Expecting property name"),
    "missing_field": (row(input=None), "no text in input"),
    "empty_field": (row(input=" "), "input: empty"),
    "unwritable_text": (row(instruction="\ud800"), "a text contains an unpaired"),
    "unknown_task": (
        row() | {"task": "Product_Matchin"},
        "task: unknown name 'Product_Matchin': did you mean `Product_Matching`?",
    ),
    "unknown_split": (row(split="validation"), "split: unknown name 'validation': expected one"),
    "unknown_setting": (
        row(setting="IND_Diverse_Instructions"),
        "setting: unknown name 'IND_Diverse_Instructions', which `settings` of the study may list: "
        "did you mean `IND_Diverse_Instruction`?",
    ),
    "bad_input": (row(input="{"), "input: not JSON"),
    "bad_options": (row("Sentiment_Analysis", options="A or B"), "options: neither JSON nor a"),
    "bad_output": (row(output="maybe"), "output: 'maybe' is neither yes nor no, in lower case"),
    "bad_example": (row(setting=ONE_SHOT), f"few_shot_example: {ONE_SHOT} needs one"),
    "answer_not_in_options": (
        row("Sequential_Recommendation", output="C"),
        "output: 'C' is neither an option nor an option's letter",
    ),
    "label_disagreement": (row("Query_Product_Rank", output="A,B"), "relevance: labels ['S', 'E']"),
    "duplicate_record": (row(), "identical to an earlier row"),
}


@pytest.mark.parametrize("kind", EVERY_KIND)
def test_each_kind_of_problem_is_named_by_its_line_and_can_be_dropped(
    kind: str, tmp_path: Path
) -> None:
    broken, words = BROKEN[kind]
    rows = "".join(json.dumps(row) + "\n" for row in ALL)
    content = rows + (broken if isinstance(broken, str) else json.dumps(broken)) + "\n"
    labels = [["S", "E"]] * (2 if kind == "label_disagreement" else 1)
    first, last = refused(tmp_path, content, labels=labels)
    assert first.startswith(f"line {len(ALL) + 1}: {words}")
    assert f"`tolerate: [{kind}]`" in last
    report = check(tmp_path, content, labels=labels, tolerate=[kind])
    assert {name: found.count for name, found in report.problems.items()} == {kind: 1}
    within = sum(report.dropped_of(code) for code in TASKS)
    assert (report.dropped, within + report.elsewhere) == (1, 1)
    assert report.elsewhere == (kind.startswith("unknown") or kind == "unreadable_row")


def test_all_problems_of_a_file_are_reported_at_once(tmp_path: Path) -> None:
    broken = [value[0] for value in BROKEN.values() if not isinstance(value[0], str)]
    found = refused(tmp_path, broken, splits={"test": [IND], "train": [IND]})
    # Without labels they cannot disagree, and no row is a duplicate.
    assert f"{len(broken) - 2} rows cannot be used" in found[-1]
    assert found[-2].startswith(f"PM train: no usable rows of {IND}")
    assert len(found) == len(broken)


def test_a_dataset_file_without_records_is_an_error_whatever_is_tolerated(tmp_path: Path) -> None:
    splits = {"test": [IND, OOD], "train": [IND]}
    found = refused(tmp_path, [row(output="?")], splits=splits, tolerate=EVERY_KIND)
    names = "under the names PM, Product_Matching"
    fix = "fix `tasks`, `settings` or the data"
    assert found == [
        f"PM test: no usable rows of {IND} {names}: {fix}",
        f"PM test: no usable rows of {OOD} {names}: {fix}",
        f"PM train: no usable rows of {IND} {names}: {fix}, or set `train: false` for PM",
    ]


@pytest.mark.parametrize(
    ("outputs", "words"),
    [
        (["no"], ["1 rows, but 2 are published"]),
        # Dropped rows count.
        (["yes", "?"], []),
        (["yes", "yes"], ["the output is yes in 2 rows, but 1 are published"]),
    ],
)
def test_other_counts_are_an_error_for_the_published_data_and_reported_for_others(
    outputs: list[str], words: list[str], tmp_path: Path
) -> None:
    rows = [row(output=output, instruction=f"{n}") for n, output in enumerate(outputs)]
    published = [{"task": "PM", "split": "test", "setting": IND, "records": 2, "yes": 1}]
    given: dict[str, Any] = {"published": published, "tolerate": ["bad_output"]}
    expected = [f"PM test {IND}: {one}" for one in words]
    assert list(check(tmp_path, rows, **given).differing) == expected
    try:
        check(tmp_path, rows, **given, comparable=True)
        assert not expected
    except InputError as error:
        assert [one.removeprefix("rows.jsonl: ") for one in error.problems] == expected


def test_the_shipped_counts_are_those_of_the_paper() -> None:
    counts = read_counts(ROOT / PUBLISHED_COUNTS)
    totals = {
        split: sum(one.records for one in counts if (one.split, one.setting) == (split, IND))
        for split in ("train", "val", "test")
    }
    assert totals == {"train": 92_022, "val": 9_253, "test": 9_253}
    assert sum(one.records for one in counts if one.setting == OOD) == 6_000
    yes = {(one.task, one.setting): one.yes for one in counts if one.yes is not None}
    assert yes == {("PM", IND): 111, ("PSI", IND): 230, ("AP", IND): 633, ("AP", OOD): 686}


# Mutated rows


VALUES = st.one_of(
    st.none() | st.booleans() | st.floats() | st.integers(-(10**400), 10**400),
    st.text(st.characters(), max_size=40) | st.lists(st.text(max_size=5) | st.integers()),
    st.text(st.sampled_from("\ufeff\r\n\u2028\x00\ud800\U0001f600\"'\\[]{},:AB")),
    st.sampled_from(["None", "NaN", "['", "-" * 9000, "[" * 9000, "1" * 5000, "long " * 9999]),
    st.sampled_from(['{"query": NaN}', "('a',)", "['A: x', 'B: y']", '["A: x"', "A", "yes", "B,A"]),
)
FUZZED = settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
# Of a file as a whole, beside its not being JSON.
REFUSALS = ("has no rows", "did you mean", "earlier rows lack", "not text")


@st.composite
def mutated_files(draw: st.DrawFn) -> tuple[bytes, int]:
    """A file of sound and broken rows, and how many rows it has."""
    texts = []
    for one in draw(st.lists(st.sampled_from(ALL), min_size=1, max_size=6)):
        names = draw(st.lists(st.sampled_from([*one, "more"]), max_size=3))
        changed = one | {name: draw(VALUES) for name in names[1:]}
        changed.pop(names[0] if names else "", None)
        text = json.dumps(changed, ensure_ascii=draw(st.booleans()))
        at = draw(st.integers(0, len(text)))
        texts.append(draw(st.sampled_from([text] * 5 + [text[:at] or "{}", f"{text}\x00", "{}"])))
    ends = draw(st.sampled_from(["\n", "\r\n", "\n\n"]))
    text = draw(st.sampled_from(["", "\ufeff"])) + ends.join(texts) + ends
    return text.encode("utf-8", "surrogatepass"), len(texts)


@given(mutated_files())
@FUZZED
def test_no_mutation_gives_a_traceback_or_loses_a_row(
    tmp_path_factory: pytest.TempPathFactory, file: tuple[bytes, int]
) -> None:
    content, number = file
    try:
        report = check(tmp_path_factory.mktemp("mutated"), content, tolerate=EVERY_KIND)
    except InputError as error:
        (problem,) = error.problems
        assert problem.startswith("rows.jsonl: ") and any(one in problem for one in REFUSALS)
    else:
        assert used(report) + report.dropped == number
