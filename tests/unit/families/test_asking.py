"""Questions of one's own: as records, and answered by the backend of the study."""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.model_examples import run_here, write_records
from support.plans import IND, LOCAL
from support.project import ROOT

from ecslm.common.files import write_jsonl
from ecslm.schemas.record import read_records

MODEL = "Tiny-EC"
ADAPTER = Path("results/shop/adapters/Tiny-EC/seed-0/manifest.json")
DATASET = Path("results/shop/dataset/PM/test.jsonl")
BASE = Path("results/bases/Tiny/manifest.json")


@pytest.fixture(scope="module")
def study(
    tiny_model: Path,
    tiny_base: Path,
    fluent_adapter: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """A project whose study has a base, an adapter and test records."""
    project = tmp_path_factory.mktemp("project")
    for name in ("resources", "requirements.lock"):
        (project / name).symlink_to(ROOT / name)
    plain = {"base": "Tiny", "template": "alpaca"}
    models = {"Tiny": plain, MODEL: plain | {"training": {}}}
    shop = {
        **{"title": "A shop", "device": "cpu", "threads": 1, "published_comparable": False},
        **{"data": LOCAL, "tasks": ["PM", "SA"], "train_setting": IND, "settings": [IND]},
        "precision": {"quantization": "none", "dtype": "float32"},
        "decoding": {"max_new_tokens": 5},
        "task_decoding": {"SA": {"max_new_tokens": 9}},
        "models": models | {"Theirs": {"backend": "recorded", "path": "theirs"}},
    }
    bases = {"Tiny": {"source": "path", "path": str(tiny_model)}}
    configuration = {"study": "shop", "bases": bases, "studies": {"shop": shop}}
    (project / "shop.yaml").write_text(yaml.safe_dump(configuration))
    (project / BASE).parent.mkdir(parents=True)
    made = json.loads(tiny_base.read_text()) | {"folder": str(tiny_model), "base": "Tiny"}
    (project / BASE).write_text(json.dumps(made))
    shutil.copytree(fluent_adapter.parent, project / ADAPTER.parent)
    (project / DATASET.parent).mkdir(parents=True)
    write_records(project / DATASET, 4, task="PM", split="test")
    return project


@pytest.fixture(autouse=True)
def here(study: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(study)


@pytest.fixture
def ask(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Runs the script; returns status, answers and notes."""

    def run(*options: object, model: str = MODEL) -> tuple[Any, list[str], list[str]]:
        capsys.readouterr()
        # Else the first word would be another file of the configuration.
        end = [] if str(options[0]).startswith("--") else ["--"]
        chosen = ["--model", model, "--configfile", "shop.yaml", *end, *options]
        status = run_here(monkeypatch, "ask.py", chosen)
        output = capsys.readouterr()
        return status, output.out.splitlines(), output.err.splitlines()

    return run


def test_a_test_record_is_answered_as_in_the_study(ask: Any) -> None:
    record = read_records(DATASET)[2]
    status, answers, notes = ask("--task", "PM", "--index", 2)
    assert (status, answers) == (0, ["yes"])
    assert json.loads("".join(notes[:-2]))["input"] == record.input
    assert notes[-2].startswith(f"Loading {MODEL}")
    assert notes[-1] == f"Right answer: {record.output}"


def _one(folder: Path, line: str) -> Path:
    path = folder / "one.jsonl"
    path.write_text(line)
    return path


def test_records_of_a_file_and_questions_in_words_are_answered_in_their_order(
    ask: Any, tmp_path: Path
) -> None:
    """Words are the instruction or, with a task, its input, with the options of all its records."""
    records = read_records(DATASET)
    fields = {"instruction", "input", "options", "output"}
    lines = [json.dumps(record.model_dump(include=fields)) for record in records]
    _, answers, _ = ask("--file", DATASET, "--task", "SA")
    alone = [ask("--task", "SA", "--file", _one(tmp_path, line))[1] for line in lines[:2]]
    assert ([[answer] for answer in answers[:2]], len(answers)) == (alone, len(lines))
    assert len(set(answers)) > 1
    words, instruction = records[1].input, records[0].instruction
    as_instruction = json.dumps({"instruction": words, "input": ""})
    assert ask(words)[1] == ask("--file", _one(tmp_path, as_instruction))[1]
    options = ["A: yes", "B: no"]
    write_jsonl(DATASET, [one.model_copy(update={"options": options}) for one in records])
    as_input = {"instruction": instruction, "input": words, "options": options}
    found = ask("--task", "PM", "--", words, model="Tiny")[1]
    write_jsonl(DATASET, records)
    path = _one(tmp_path, json.dumps(as_input))
    assert found == ask("--task", "PM", "--file", path, model="Tiny")[1]
    assert found != ask("--task", "PM", "--", words, model="Tiny")[1]


def test_without_a_task_answers_may_be_as_long_as_the_longest_of_any(
    ask: Any, tmp_path: Path
) -> None:
    path = _one(tmp_path, json.dumps({"instruction": "Say more.", "input": "lamp " * 9}))
    given = "--file", path
    long, short = ask(*given, model="Tiny"), ask(*given, "--task", "PM", model="Tiny")
    assert "The answer was cut off after 9 tokens." in long[2]
    assert "The answer was cut off after 5 tokens." in short[2]
    assert long[1][0].startswith(short[1][0])


def test_an_adapter_that_is_not_there_is_named_with_the_command_that_builds_it(ask: Any) -> None:
    away = ADAPTER.parent.with_name("away")
    ADAPTER.parent.rename(away)
    try:
        status, answers, notes = ask("Is it there?")
    finally:
        away.rename(ADAPTER.parent)
    assert (status, answers) == (1, [])
    assert notes == [f"error: {ADAPTER}: not built yet: run `make reproduce` for this study"]


@pytest.mark.parametrize(
    ("options", "model", "problem"),
    [
        (["Hi"], "Tiny-ED", "--model: Tiny-ED is not a model of the study: did you mean"),
        (["--file", "x", "--", "Hi"], MODEL, "--file and --index take the place of a question"),
        (["--task", "SA", "--index", "0"], MODEL, "dataset/SA/test.jsonl: not built yet"),
        (["--task", "PM", "--index", "4"], MODEL, "--index: give --task, and a number from 0"),
        (["Hi"], "Theirs", "--answers: missing: backend recorded needs it"),
    ],
)
def test_what_cannot_be_asked_is_one_line(
    ask: Any, options: Sequence[str], model: str, problem: str
) -> None:
    status, _, notes = ask(*options, model=model)
    assert status == 1
    assert [problem in note for note in notes] == [True]
