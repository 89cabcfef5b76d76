"""Broken command lines of the scripts that users run alone, and broken files given to them."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from support.broken_inputs import assert_refused, nothing_lost
from support.scripts import run_script

SA, PM, QPR, AVE, AG, MPC = "SA", "PM", "QPR", "AVE", "AG", "MPC"
YES = {"task": PM, "prediction": "yes", "reference": "yes"}
OPTIONS = ["A: good", "B: bad"]
CHOICE = {"task": SA, "prediction": "A", "reference": "A", "options": OPTIONS}
RANKING = {"task": QPR, "prediction": "A,B", "reference": "A,B", "relevance": ["E", "I"]}
OWN = {"task": SA, "instruction": "Good?", "input": "It shines.", "output": "A"}
DIFFERENCES = {
    "metric": "binary_f1",
    "models": {"A": {"seeds": [0]}, "B": {"seeds": [0]}},
    "contrasts": {
        "ab": {"kind": "models", "pairs": [["A", "B"]], "settings": ["IND_Diverse_Instruction"]}
    },
}
SOURCE = {"source": "path", "path": "rows.jsonl"}
DATASET = {
    "source": SOURCE,
    "aliases": [],
    "answer": "choice",
    "settings": ["IND_Diverse_Instruction"],
}


def lines_of(*rows: object) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def manifest_listing(name: str) -> bytes:
    """A manifest of another result."""
    return lines_of(
        {"inputs": {}, "settings": {}, "code": None, "versions": {}, "files": {name: ""}}
    )


@dataclass(frozen=True)
class Case:
    """A command, the files that it finds, and the words of the lines that refuse it."""

    sentence: str
    script: str
    options: tuple[str, ...]
    words: tuple[str, ...]
    files: Mapping[str, bytes | None] = field(default_factory=dict)
    problems: int = 1


def score(sentence: str, content: bytes, *words: str, **fields: object) -> Case:
    """A case of predictions that cannot be scored."""
    options = tuple(fields.pop("options", ()))  # type: ignore[arg-type]
    files = {"P.jsonl": content, **fields.pop("files", {})}  # type: ignore[dict-item]
    given = ("--predictions", "P.jsonl", *options)
    return Case(sentence, "score.py", given, words, files, **fields)  # type: ignore[arg-type]


def predict(sentence: str, content: bytes, *words: str, options: tuple[str, ...] = ()) -> Case:
    """A case of records that cannot be predicted."""
    given = ("--dataset", "mine.jsonl", "--output", "P.jsonl", *options)
    return Case(sentence, "predict.py", given, words, {"mine.jsonl": content})


def differ(sentence: str, settings: object, *words: str, problems: int = 1) -> Case:
    """A case of models that cannot be compared."""
    where = ("--task", PM, "--results", ".", "--output", "D.json", "--settings")
    text = settings if isinstance(settings, str) else json.dumps(settings)
    return Case(sentence, "differences.py", (*where, text), words, {}, problems)


def dataset(sentence: str, content: bytes | None, *words: str, problems: int = 1) -> Case:
    """A case of data that no dataset file can be made of."""
    options = ("--task", SA, "--split", "test", "--output", "out.jsonl", "--cache", "results/cache")
    files = {} if content is None else {"rows.jsonl": content}
    given = (*options, "--settings", json.dumps(DATASET))
    return Case(sentence, "dataset.py", given, words, files, problems)


BASE = ("--base", "b.json", "--template", "t.jinja")

CASES = (
    # score.py
    score("predictions in UTF-16", json.dumps(YES).encode("utf-16"), "is UTF-16 text"),
    score(
        "predictions as one JSON list",
        json.dumps([YES]).encode() + b"\n",
        "each line must be one JSON object",
    ),
    score(
        "predictions without a reference",
        lines_of({"prediction": "yes"}),
        "reference",
        "required fields: prediction, reference",
    ),
    score(
        "predictions with a misspelt field",
        lines_of(YES | {"optoins": 1}),
        "unknown field: did you mean `options`?",
    ),
    score(
        "predictions without a task",
        lines_of({"prediction": "yes", "reference": "yes"}),
        "task: missing",
        "--task",
    ),
    score(
        "an unknown --task", lines_of(YES), "--task PX", "expected one of", options=("--task", "PX")
    ),
    score(
        "another task than --task",
        lines_of(YES),
        "is 'PM', but the task to score is 'AP'",
        options=("--task", "AP"),
    ),
    score(
        "two tasks in a file",
        lines_of(YES, CHOICE),
        "several in one file",
        "split the file by task",
    ),
    score(
        "an id twice", lines_of(YES | {"id": "a"}, YES | {"id": "a"}), "'a' is already on line 1"
    ),
    score(
        "a reference that is neither yes nor no",
        lines_of(YES | {"reference": "maybe"}),
        "'maybe' is neither yes nor no",
    ),
    score(
        "a choice without options",
        lines_of({k: v for k, v in CHOICE.items() if k != "options"}),
        "options: missing",
    ),
    score(
        "a reference that is no option",
        lines_of(CHOICE | {"reference": "C"}),
        "'C' is not one of the record's options",
    ),
    score(
        "a ranking with too few labels",
        lines_of(RANKING | {"relevance": ["E"]}),
        "has length 1",
        "2 products",
    ),
    score(
        "attributes that are no list",
        lines_of({"task": AVE, "prediction": "", "reference": "{}"}),
        "not a JSON list",
    ),
    score(
        "a text without BERTScore",
        lines_of({"task": AG, "prediction": "a", "reference": "b"}),
        "--bertscore: required",
        "bertscore.py",
    ),
    score(
        "an output whose side files belong to another",
        lines_of(YES),
        "m.manifest.json belongs to m.json",
        "another --output",
        options=("--output", "m"),
        files={
            "m.json": b"{}\n",
            "m.manifest.json": manifest_listing("m.json"),
        },
    ),
    score(
        "settings that are the name of a file",
        lines_of(YES),
        "--settings: 'my.json' is not a JSON object",
        "@my.json",
        options=("--settings", "my.json"),
    ),
    score(
        "a metric for another kind of answer",
        lines_of(YES),
        "ndcg cannot score yes_no",
        options=("--settings", '{"task": {"answer": "yes_no", "metric": "ndcg"}}'),
    ),
    # predict.py
    predict(
        "records of one's own without a task",
        lines_of({k: v for k, v in OWN.items() if k != "task"}),
        "task: missing",
        "--task",
        options=("--settings", '{"backend": "recorded"}'),
    ),
    predict(
        "an unknown backend",
        lines_of(OWN),
        "backend",
        "vllm",
        options=("--settings", '{"backend": "vllm"}'),
    ),
    predict("local weights without a prompt", lines_of(OWN), "--template: missing", "transformers"),
    predict(
        "a base that is not there",
        lines_of(OWN),
        "b.json: no such file",
        options=("--base", "b.json", "--template", "mine.jsonl"),
    ),
    # differences.py and compare.py
    differ(
        "models without outcomes", DIFFERENCES, "metrics/A/seed-0/PM.records.jsonl: no such file"
    ),
    differ(
        "a contrast of a model that is not named",
        DIFFERENCES | {"models": {"A": {"seeds": [0]}}},
        "not in models: B",
    ),
    # dataset.py
    dataset("data that are not there", None, "rows.jsonl", "no such file"),
    dataset("data of another task", lines_of(OWN | {"task": "PM"}), "SA"),
    # The rest
    Case(
        "a baseline of another kind of answer",
        "score_baseline.py",
        ("--baseline", "always-yes", "--task", SA, "--test", "t.jsonl", "--output", "M.json"),
        ("--baseline always-yes: not applicable to SA", "choose one of"),
        {"t.jsonl": b""},
    ),
    Case(
        "one seed as several",
        "score_over_seeds.py",
        (
            "--task",
            PM,
            "--seeds",
            "0",
            "--records",
            "a",
            "--settings",
            '{"metric": "binary_f1"}',
            "--output",
            "M.json",
        ),
        ("--seeds: give two or more different seeds",),
    ),
    Case("results that are not there", "diff_results.py", ("a", "b"), ("a",)),
    Case(
        "a cache of a size that is none",
        "cache.py",
        ("--trim", "-1"),
        ("--trim: -1 is not a number of gigabytes",),
    ),
    Case(
        "a question beside a file of questions",
        "ask.py",
        ("--model", "M", "--file", "q", "why?"),
        ("--file and --index take the place of a question",),
    ),
    Case(
        "another directory than the project's",
        "why.py",
        (),
        ("resources/prompts: no such directory", "run this in the project's directory"),
    ),
)


@contextmanager
def written(folder: Path, files: Mapping[str, bytes | None]) -> Iterator[None]:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content or b"")
    yield


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.sentence)
def test_a_command_is_refused_with(case: Case, tmp_path: Path) -> None:
    with written(tmp_path, case.files), nothing_lost(tmp_path):
        run = run_script(case.script, *case.options, folder=tmp_path)
    assert_refused(run, case.words, case.problems)


def test_there_are_thirty_cases_and_no_sentence_twice() -> None:
    assert len({case.sentence for case in CASES}) == len(CASES) >= 30
