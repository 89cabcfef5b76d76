"""A whole source checked: counts, what is dropped, every kind of problem, mutated rows."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.project import ROOT

from ecslm.common.errors import InputError
from ecslm.common.hashing import canonical_json, sha256_of_text
from ecslm.data.checking import CheckSettings, cached_report, check_rows
from ecslm.data.problems import Kind
from ecslm.data.published import read_counts
from ecslm.data.report import Count, Report
from ecslm.data.settings import PathData
from ecslm.data.sources import path
from ecslm.schemas.paths import PUBLISHED_COUNTS

IND = "IND_Diverse_Instruction"
OOD = "OOD_Diverse_Instruction"
ONE_SHOT = "IND_Diverse_Instruction_1-shot"

Row = dict[str, Any]

TASKS = {
    "PM": {"aliases": ["Product_Matching"], "answer": "yes_no", "input": "object"},
    "SA": {"aliases": ["Sentiment_Analysis"], "answer": "choice"},
    "SR": {"aliases": ["Sequential_Recommendation"], "answer": "choice", "input": "list"},
    "QPR": {"aliases": ["Query_Product_Rank"], "answer": "ranking", "input": "object"},
    "AVE": {"aliases": ["Attribute_Value_Extraction"], "answer": "extraction", "input": "object"},
    "AG": {"aliases": ["Answer_Generation"], "answer": "generation", "input": "object"},
}

SAMPLES: dict[str, Row] = {
    "Product_Matching": {"input": '{"product 1": {"price": NaN}}', "output": "no"},
    "Sentiment_Analysis": {
        "input": "Fits &amp; works.",
        "options": '["A: very positive", "B: positive"]',
        "output": "B: positive",
    },
    "Sequential_Recommendation": {
        "input": "['1st: a lamp', \"2nd: a child's chair\"]",
        "options": "['A: a mat', 'B: a cup']",
        "output": "B",
    },
    "Query_Product_Rank": {
        "input": '{"query": "lamp", "product list": ["A: x", "B: y"]}',
        "output": "B,A",
    },
    "Attribute_Value_Extraction": {
        "input": '{"product title": "A lamp", "target attributes": "brand"}',
        "output": '[{"attribute": "brand", "value": "None", "source": "None"}]',
    },
    "Answer_Generation": {
        "input": '{"question": "Is it loud?", "document": ["It hums."]}',
        "output": "It hums.",
    },
}


def row(task: str = "Product_Matching", **changes: Any) -> Row:
    """A sound test row of a task."""
    return {
        "split": "test",
        "task": task,
        "setting": IND,
        "instruction": "Answer.",
        "options": None,
        "few_shot_example": None,
        **SAMPLES[task],
        **changes,
    }


ALL = [row(task) for task in SAMPLES]


def check(folder: Path, content: str | bytes | Sequence[Row], **changes: Any) -> Report:
    """The report on a file of such content."""
    file = folder / "rows.jsonl"
    if isinstance(content, str):
        content = content.encode()
    elif not isinstance(content, bytes):
        content = "".join(json.dumps(row) + "\n" for row in content).encode()
    file.write_bytes(content)
    labels = changes.pop("labels", None)
    source = {"source": "path", "path": str(file), "tolerate": changes.pop("tolerate", ())}
    checked = CheckSettings.model_validate(
        {
            "source": source,
            "tasks": {code: {**task, "splits": {}} for code, task in TASKS.items()},
            "settings": [IND, OOD, ONE_SHOT],
            "published": [],
            "comparable": False,
            **changes,
        }
    )
    raw = path.open_rows(checked.source, folder / "cache")  # type: ignore[arg-type]
    return check_rows(raw, checked, labels)


def refused(folder: Path, content: str | bytes | Sequence[Row], **changes: Any) -> list[str]:
    with pytest.raises(InputError) as caught:
        check(folder, content, **changes)
    return [line.removeprefix("rows.jsonl: ") for line in caught.value.problems]


EVERY_KIND = tuple(get_args(Kind))


def test_rows_are_counted_by_task_split_and_setting(tmp_path: Path) -> None:
    report = check(tmp_path, [*ALL, row(split="train"), row(setting=OOD)])
    assert report.problems == {}
    assert (report.dropped, report.elsewhere) == (0, 0)
    assert report.tasks["PM"] == {
        "train": {IND: Count(rows=1, records=1)},
        "test": {IND: Count(rows=1, records=1), OOD: Count(rows=1, records=1)},
    }
    assert list(report.files) == ["rows.jsonl"]


# A row, or a line, that has the problem, and how the line about it goes on after its place.
BROKEN: dict[str, tuple[Row | str, str]] = {
    "unreadable_row": ("{'task': 'PM'}", "not JSON (Expecting property name"),
    "missing_field": (row(input=None), "no text in input"),
    "empty_field": (row(input=" "), "input: empty"),
    "unwritable_text": (
        row(output="no", instruction="\ud800"),
        "instruction: contains an unpaired",
    ),
    "unknown_task": (
        row(task="Product_Matching") | {"task": "Product_Matchin"},
        "task: unknown name 'Product_Matchin': did you mean `Product_Matching`?",
    ),
    "unknown_split": (
        row(split="validation"),
        "split: unknown name 'validation': expected one of test, train, val",
    ),
    "unknown_setting": (
        row(setting="IND_Diverse_Instructions"),
        "setting: unknown name 'IND_Diverse_Instructions', which `settings` of the study may list: "
        "did you mean `IND_Diverse_Instruction`?",
    ),
    "bad_input": (row(input="{"), "input: not JSON"),
    "bad_options": (row("Sentiment_Analysis", options="A or B"), "options: neither JSON nor a"),
    "bad_output": (row(output="maybe"), "output: 'maybe' is neither yes nor no, in lower case"),
    "bad_example": (row(setting=ONE_SHOT), f"few_shot_example: missing, but {ONE_SHOT} needs one"),
    "answer_not_in_options": (
        row("Sequential_Recommendation", output="C"),
        "output: 'C' is neither an option nor an option's letter",
    ),
    "label_disagreement": (
        row("Query_Product_Rank", output="A,B"),
        "relevance: labels ['S', 'E'] disagree with 'A,B'",
    ),
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
    wanted = {"QPR": {**TASKS["QPR"], "splits": {"test": [IND]}}}
    tasks = {code: {**task, "splits": {}} for code, task in TASKS.items()} | wanted
    first, last = refused(tmp_path, content, labels=labels, tasks=tasks)
    assert first.startswith(f"line {len(ALL) + 1}: {words}")
    assert f"`tolerate: [{kind}]`" in last
    report = check(tmp_path, content, labels=labels, tasks=tasks, tolerate=[kind])
    assert report.dropped == 1
    assert {name: found.count for name, found in report.problems.items()} == {kind: 1}
    within = sum(report.dropped_of(code) for code in TASKS)
    assert within + report.elsewhere == 1


def test_all_problems_of_a_file_are_reported_at_once(tmp_path: Path) -> None:
    broken = [value[0] for value in BROKEN.values() if not isinstance(value[0], str)]
    found = refused(tmp_path, broken)
    # Without labels they cannot disagree, and no row is a duplicate.
    assert f"{len(broken) - 2} rows cannot be used" in found[-1]
    assert len(found) == len(broken) - 1


def test_a_dataset_file_without_rows_is_an_error_whatever_is_tolerated(tmp_path: Path) -> None:
    tasks = {"PM": {**TASKS["PM"], "splits": {"test": [IND, OOD], "train": [IND]}}}
    found = refused(tmp_path, [row()], tasks=tasks, tolerate=EVERY_KIND)
    names = "under the names PM, Product_Matching: fix `tasks`, `settings` or the data"
    assert found == [
        f"PM test: no rows of {OOD} {names}",
        f"PM train: no rows of {IND} {names}, or set `train: false` for PM",
    ]


PUBLISHED = [{"task": "PM", "split": "test", "setting": IND, "records": 2, "yes": 1}]


@pytest.mark.parametrize(
    ("outputs", "words"),
    [
        (["no"], "1 rows, but 2 are published"),
        (["yes", "no"], None),
        (["yes", "yes"], "the output is yes in 2 rows, but 1 are published"),
    ],
)
def test_other_counts_are_an_error_for_the_published_data_and_reported_for_others(
    outputs: list[str], words: str | None, tmp_path: Path
) -> None:
    rows = [row(output=output, instruction=f"{n}") for n, output in enumerate(outputs)]
    tasks = {"PM": {**TASKS["PM"], "splits": {"test": [IND]}}}
    given = {"tasks": tasks, "published": PUBLISHED}
    expected = [] if words is None else [f"PM test {IND}: {words}"]
    assert list(check(tmp_path, rows, **given).differing) == expected
    if expected:
        assert refused(tmp_path, rows, **given, comparable=True) == expected
    else:
        assert check(tmp_path, rows, **given, comparable=True).differing == ()


def test_a_report_is_kept_by_all_that_decides_it(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text(json.dumps(row()) + "\n")
    source = {"source": "path", "path": str(tmp_path / "rows.jsonl")}
    fields = {"tasks": {}, "settings": [IND], "published": [], "comparable": False}
    fields["tasks"] = {"PM": {**TASKS["PM"], "splits": {}}}
    checked = CheckSettings.model_validate({"source": source, **fields})
    cache = tmp_path / "cache"

    def report(code: str = "code:1", labels: list[list[str]] | None = None) -> Report:
        return cached_report(cache, path.open_rows(checked.source, cache), checked, labels, code)  # type: ignore[arg-type]

    first = report()
    (kept,) = cache.glob("check-*.json")
    content = json.loads(kept.read_text())["report"]
    content["tasks"]["PM"]["test"][IND]["rows"] = 7
    digest = sha256_of_text(canonical_json(content))
    kept.write_text(json.dumps({"report": content, "sha256": digest}))
    assert report().tasks["PM"]["test"][IND].rows == 7, "taken from the cache"
    assert report("code:2") == report(labels=[["E"]]) == first
    (tmp_path / "rows.jsonl").write_text((json.dumps(row()) + "\n") * 2)
    with pytest.raises(InputError, match="identical to an earlier row"):
        report()


def test_dropped_rows_count_as_rows_of_the_published_data(tmp_path: Path) -> None:
    rows = [row(output="yes"), row(output="?")]
    tasks = {"PM": {**TASKS["PM"], "splits": {"test": [IND]}}}
    given = {"tasks": tasks, "published": PUBLISHED, "comparable": True}
    report = check(tmp_path, rows, tolerate=["bad_output"], **given)
    assert report.tasks["PM"]["test"][IND] == Count(rows=2, records=1)


def test_the_shipped_counts_are_those_of_the_paper() -> None:
    counts = read_counts(ROOT / PUBLISHED_COUNTS)
    totals = {
        split: sum(one.records for one in counts if (one.split, one.setting) == (split, IND))
        for split in ("train", "val", "test")
    }
    assert totals == {"train": 92_022, "val": 9_253, "test": 9_253}
    assert sum(one.records for one in counts if one.setting == OOD) == 6_000
    assert {(one.task, one.setting): one.yes for one in counts if one.yes is not None} == {
        ("PM", IND): 111,
        ("PSI", IND): 230,
        ("AP", IND): 633,
        ("AP", OOD): 686,
    }


def test_the_records_of_the_demo_are_sound(tmp_path: Path) -> None:
    import yaml

    config = yaml.safe_load((ROOT / "config.yaml").read_text())
    demo = config["studies"]["demo"]
    fields = ("aliases", "answer", "input")
    tasks = {
        code: {key: task[key] for key in fields if key in task} | {"splits": {}}
        for code, task in config["tasks"].items()
    }
    source = demo["data"] | {"path": str(ROOT / demo["data"]["path"])}
    raw = path.open_rows(PathData.model_validate(source), tmp_path)
    checked = CheckSettings.model_validate(
        {
            "source": source,
            "tasks": tasks,
            "settings": demo["settings"],
            "published": [],
            "comparable": False,
        }
    )
    report = check_rows(raw, checked, raw.labels())
    assert (report.problems, set(report.tasks)) == ({}, set(tasks))


# Mutated rows


VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(min_value=-(10**400), max_value=10**400),
    st.floats(),
    st.text(st.characters(), max_size=40),
    st.text(
        st.sampled_from("\ufeff\r\n\u2028\x00\x85\ud800\U0001f600e\u0301\"'\\[]{},:AB"), max_size=40
    ),
    st.lists(st.one_of(st.text(max_size=5), st.integers()), max_size=4),
    st.dictionaries(st.text(max_size=5), st.floats(), max_size=3),
    st.sampled_from(
        ["None", "null", "NaN", "", "[", "['", "-" * 9000 + "1", "[" * 9000, "1" * 5000]
    ),
    st.sampled_from(['{"query": NaN}', "('a',)", "['A: x', 'B: y']", '["A: x"', "A", "yes", "B,A"]),
    st.just("long " * 100_000),
)


def is_refusal(error: InputError) -> bool:
    """Whether it is one line about the file as a whole, beside its not being JSON."""
    (problem,) = error.problems
    words = (
        "has no rows",
        "a duplicate key",
        "did you mean",
        "which earlier rows lack",
        "not text",
    )
    return problem.startswith("rows.jsonl: ") and any(one in problem for one in words)


@st.composite
def mutated_files(draw: st.DrawFn) -> tuple[bytes, int]:
    """A file of sound and broken rows, and how many rows it has."""
    rows = [dict(draw(st.sampled_from(ALL))) for _ in range(draw(st.integers(1, 6)))]
    for one in rows:
        for name in draw(st.lists(st.sampled_from([*one, "more"]), max_size=3)):
            if draw(st.booleans()):
                one[name] = draw(VALUES)
            else:
                one.pop(name, None)
    ends = draw(st.sampled_from(["\n", "\r\n", "\n\n"]))
    texts = [json.dumps(one, ensure_ascii=draw(st.booleans())) for one in rows]
    for number in draw(st.lists(st.integers(0, len(texts) - 1), max_size=2)):
        text = texts[number]
        at = draw(st.integers(0, len(text)))
        cut = draw(st.sampled_from(["", text[:at], text[:at] + "\x00" + text[at:], text + "}"]))
        texts[number] = cut or "{}"
    text = draw(st.sampled_from(["", "\ufeff"])) + ends.join(texts) + ends
    return text.encode("utf-8", "surrogatepass"), len(rows)


def test_a_damaged_report_is_rebuilt(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text(json.dumps(row()) + "\n")
    source = {"source": "path", "path": str(tmp_path / "rows.jsonl")}
    tasks = {"PM": {**TASKS["PM"], "splits": {}}}
    fields = {"settings": [IND], "published": [], "comparable": False}
    checked = CheckSettings.model_validate({"source": source, "tasks": tasks, **fields})
    cache = tmp_path / "cache"
    raw = path.open_rows(checked.source, cache)  # type: ignore[arg-type]
    first = cached_report(cache, raw, checked, None, "code:1")
    (kept,) = cache.glob("check-*.json")
    altered = kept.read_text().replace('"rows": 1', '"rows": 2')
    assert altered != kept.read_text()
    for content in ("{}", '{"files"', "[]", altered):
        kept.write_text(content)
        assert cached_report(cache, raw, checked, None, "code:1") == first


@given(st.lists(st.sampled_from(ALL), max_size=5), st.data())
@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
def test_a_mutated_list_is_refused_in_a_line_or_read_as_json_reads_it(
    tmp_path_factory: pytest.TempPathFactory, rows: list[Row], data: st.DataObject
) -> None:
    text = json.dumps(rows, indent=data.draw(st.sampled_from([None, 1])))
    at = data.draw(st.integers(0, len(text)))
    junk = data.draw(
        st.sampled_from(["", "]", "{}", ",", "1.5e", '"', "\\", "NaN", "\x00", "[[[["])
    )
    text = text[:at] + junk + text[at + data.draw(st.integers(0, 30)) :]
    folder = tmp_path_factory.mktemp("listed")
    try:
        expected: Any = json.loads(text)
    except ValueError:
        expected = None
    try:
        report = check(folder, text, tolerate=EVERY_KIND)
    except InputError as error:
        assert all(problem.startswith("rows.jsonl: ") for problem in error.problems)
        assert not isinstance(expected, list) or not expected or is_refusal(error)
    else:
        if isinstance(expected, list):
            used = sum(
                c.records for s in report.tasks.values() for f in s.values() for c in f.values()
            )
            assert used + report.dropped == len(expected)


@given(mutated_files())
@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
def test_no_mutation_gives_a_traceback_or_loses_a_row(
    tmp_path_factory: pytest.TempPathFactory, file: tuple[bytes, int]
) -> None:
    content, rows = file
    folder = tmp_path_factory.mktemp("mutated")
    try:
        report = check(folder, content, tolerate=EVERY_KIND)
    except InputError as error:
        assert is_refusal(error)
        return
    used = sum(
        count.records
        for splits in report.tasks.values()
        for found in splits.values()
        for count in found.values()
    )
    assert used + report.dropped == rows
    assert report.model_dump_json().encode()
