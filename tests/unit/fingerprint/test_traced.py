"""No code that a job runs escapes its digest: real jobs are traced, and what ran is mutated."""

import ast
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from support.model_examples import PROMPTS, adapter_settings, prediction_settings, write_records
from support.mutations import mutants
from support.plans import IND
from support.project import SCRIPTS
from support.small_rows import write_small_rows
from support.tracing import Call, Ran, trace

from ecslm.common.files import write_jsonl
from ecslm.common.results_cache import ROOT_VARIABLE
from ecslm.fingerprint.digest import STATEMENTS, Code, Module, Node, Writer, code_of, left_out
from ecslm.fingerprint.running import code_parameter

TASK = {"aliases": ["Query_Product_Rank"], "answer": "ranking", "input": "object"}


@dataclass(frozen=True)
class Job:
    """A script, the modules that its rule adds to its code, and the options of a small run."""

    script: str
    modules: tuple[str, ...]
    options: Callable[[Path, Callable[[str], Path]], list[object]]


def train(folder: Path, made: Callable[[str], Path]) -> list[object]:
    records = write_records(folder / "train.jsonl", 10)
    validation = write_records(folder / "val.jsonl", 3, split="val")
    settings = adapter_settings(epochs=1).model_dump_json()
    return [
        *("--train", records, "--val", validation, "--base", made("tiny_base")),
        *("--template", PROMPTS / "alpaca.jinja", "--settings", settings),
        *("--output", folder / "adapter/manifest.json"),
    ]


def predict(folder: Path, made: Callable[[str], Path]) -> list[object]:
    settings = prediction_settings(decoding={"max_new_tokens": 4}).model_dump_json()
    return [
        *("--dataset", write_records(folder / "test.jsonl", 4, split="test")),
        *("--base", made("tiny_base"), "--adapter", made("exact_adapter")),
        *("--template", PROMPTS / "alpaca.jinja", "--settings", settings),
        *("--output", folder / "predictions.jsonl"),
    ]


def bertscore(folder: Path, made: Callable[[str], Path]) -> list[object]:
    rows = [{"id": str(n), "prediction": f"a {n}", "reference": "a b"} for n in range(3)]
    write_jsonl(folder / "given.jsonl", rows)
    return [
        *("--predictions", folder / "given.jsonl", "--encoder", made("tiny_encoder")),
        *("--settings", '{"layer": 2, "rescale_language": null}'),
        *("--output", folder / "rows.jsonl"),
    ]


def small_rows(folder: Path) -> dict[str, str]:
    """The source of a few rows in the folder."""
    write_small_rows(folder / "rows.jsonl", train=2, val=1, test_ind=2, test_ood=2)
    return {"source": "path", "path": str(folder / "rows.jsonl")}


def dataset(folder: Path, _made: Callable[[str], Path]) -> list[object]:
    settings = json.dumps({"source": small_rows(folder), "settings": [IND], **TASK})
    return [
        *("--task", "QPR", "--split", "test", "--settings", settings),
        *("--cache", folder / "cache", "--output", folder / "records.jsonl"),
    ]


JOBS = [
    Job("train_adapter.py", (), train),
    Job("predict.py", ("ecslm.families.transformers.backend",), predict),
    Job("bertscore.py", (), bertscore),
    Job("dataset.py", (), dataset),
]


@pytest.fixture
def made(request: pytest.FixtureRequest) -> Callable[[str], Path]:
    """Costly things by the names of their fixtures."""
    return request.getfixturevalue


@pytest.fixture(autouse=True)
def no_results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What an earlier run of these tests has kept would be taken, and nothing computed."""
    monkeypatch.setenv(ROOT_VARIABLE, str(tmp_path / "cache"))


@pytest.mark.parametrize("job", JOBS, ids=lambda job: job.script)
def test_whatever_a_job_runs_is_in_its_digest(
    job: Job, made: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = [*job.options(tmp_path, made), "--code", code_parameter(job.script, job.modules)]
    ran = counted(trace(monkeypatch, job.script, options))
    reached = code_of(SCRIPTS).reached(job.script, job.modules)
    used = {
        Node(module_name(one.file), name)
        for one in ran
        # Not what an import executes.
        if not one.name.startswith("<")
        for name in named_at(module_of(module_name(one.file)), one.line)
    }
    assert len(used) > 15
    assert used - reached.keys() == set()


RITUAL = ("ecslm/script.py", "_call")


def counted(calls: set[Call]) -> set[Ran]:
    """What ran of code that counts, and not only for code that does not."""
    called: dict[Ran | None, set[Ran]] = {}
    for caller, one in calls:
        if not left_out(module_name(one.file)):
            # The ritual starts the script.
            starts = caller is not None and (caller.file, caller.name) == RITUAL
            called.setdefault(None if starts else caller, set()).add(one)
    found: set[Ran] = set()
    waiting = {*called.get(None, ()), *(one for one in called if one and "/" not in one.file)}
    while waiting:
        found |= waiting
        waiting = {one for caller in waiting for one in called.get(caller, ())} - found
    return found


def named_at(module: Module, line: int) -> set[str]:
    """The definition at a line of a module."""
    found = {
        name
        for name, statements in module.statements.items()
        for one in statements
        for first in [min(n.lineno for n in (one, *getattr(one, "decorator_list", [])))]
        if first <= line <= (one.end_lineno or first)
    }
    return found or {STATEMENTS}


@pytest.mark.parametrize("job", JOBS, ids=lambda job: job.script)
def test_every_edit_of_a_definition_that_counts_changes_its_text(
    job: Job, tried: set[Node]
) -> None:
    code = code_of(SCRIPTS)
    nodes = code.reached(job.script, job.modules).keys() - tried
    missed, count = [], 0
    for node in sorted(nodes):
        tried.add(node)
        module = module_of(node.module)
        before = written(code, module, node.name)
        for statement in module.statements.get(node.name, ()):
            for edit in mutants(statement):
                count += 1
                # Every third, for they are many.
                if count % 3 == 0 and written(code, module, node.name) == before:
                    missed.append(f"{node}: {edit}: {ast.unparse(statement)[:60]!r}")
    assert missed == []
    assert count > 100 or len(nodes) < 20


@pytest.fixture(scope="module")
def tried() -> set[Node]:
    """Definitions of which all edits have been tried."""
    return set()


def written(code: Code, module: Module, name: str) -> object:
    """All that the digest has of a definition."""
    writer = Writer(code, module)
    return writer.definition(name), list(writer.numbers)


def module_of(name: str) -> Module:
    """A module of its own, to edit."""
    path = code_of(SCRIPTS).path(name)
    assert path is not None
    return Module(name, path, path.read_bytes())


def module_name(file: str) -> str:
    return file if "/" not in file else ".".join(Path(file).with_suffix("").parts)
