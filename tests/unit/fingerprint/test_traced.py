"""No code that a job runs escapes its digest: real jobs are traced, and what ran is mutated."""

import ast
import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from support.model_examples import PROMPTS, adapter_settings, prediction_settings, write_records
from support.mutations import FUNCTIONS, mutants, words
from support.project import ROOT, SCRIPTS
from support.small_rows import write_small_rows
from support.tracing import Ran, trace

from ecslm.fingerprint.code import Code
from ecslm.fingerprint.files import python_files
from ecslm.fingerprint.modules import Folder, Module, write_definition
from ecslm.fingerprint.names import DEFINITION, STATEMENTS, Names, Node, left_out
from ecslm.fingerprint.reach import Reach
from ecslm.fingerprint.running import code_parameter
from ecslm.fingerprint.text import Text
from ecslm.fingerprint.writer import Writer

FILES = python_files(SCRIPTS)
IND = "IND_Diverse_Instruction"
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
    (folder / "given.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return [
        *("--predictions", folder / "given.jsonl", "--encoder", made("tiny_encoder")),
        *("--settings", '{"layer": 2, "rescale_language": null}', "--cache", folder / "cache"),
        *("--output", folder / "rows.jsonl"),
    ]


def written(folder: Path) -> dict[str, str]:
    """The source of a few rows in the folder."""
    write_small_rows(folder / "rows.jsonl", train=2, val=1, test_ind=2, test_ood=2)
    return {"source": "path", "path": str(folder / "rows.jsonl")}


def dataset(folder: Path, _made: Callable[[str], Path]) -> list[object]:
    settings = json.dumps({"source": written(folder), "settings": [IND], **TASK})
    return [
        *("--task", "QPR", "--split", "test", "--settings", settings),
        *("--cache", folder / "cache", "--output", folder / "records.jsonl"),
    ]


def check_data(folder: Path, _made: Callable[[str], Path]) -> list[object]:
    registry = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))["tasks"]
    tasks = {
        code: {name: task[name] for name in ("aliases", "answer", "input") if name in task}
        | {"splits": {"test": [IND]} if code == "QPR" else {}}
        for code, task in registry.items()
    }
    known = [IND, "OOD_Diverse_Instruction"]
    given = {"tasks": tasks, "settings": known, "published": [], "comparable": False}
    return [
        *("--settings", json.dumps({"source": written(folder), **given})),
        *("--cache", folder / "cache", "--output", folder / "check.json"),
    ]


SOURCE = ("ecslm.data.sources.path",)
JOBS = [
    Job("train_adapter.py", (), train),
    Job("predict.py", ("ecslm.prediction.transformers_backend",), predict),
    Job("bertscore.py", (), bertscore),
    Job("dataset.py", SOURCE, dataset),
    Job("check_data.py", SOURCE, check_data),
]


@pytest.fixture
def made(request: pytest.FixtureRequest) -> Callable[[str], Path]:
    """Costly things by the names of their fixtures."""
    return request.getfixturevalue


Done = set[tuple[str, int, frozenset[str]]]


@pytest.fixture(scope="module")
def done() -> Done:
    """Definitions whose small edits have been tried, with the kinds of words that count."""
    return set()


@pytest.mark.parametrize("job", JOBS, ids=lambda job: job.script)
def test_every_edit_of_code_that_a_job_has_run_changes_its_digest(
    job: Job,
    made: Callable[[str], Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    record_property: Callable[[str, object], None],
    done: Done,
) -> None:
    options = [*job.options(tmp_path, made), "--code", code_parameter(job.script, job.modules)]
    ran = trace(monkeypatch, job.script, options)
    used = Used(ran)
    assert {file for file, _ in used.definitions} >= {job.script}
    whole = used.not_in_the_digest(job)
    tried, missed = used.missed_edits(job, done)
    counts = {"definitions": len(used.definitions), "modules": len(used.modules), "edits": tried}
    for name, count in counts.items():
        record_property(name, count)
    print(job.script, counts, "missed:", len(whole) + len(missed))
    assert (whole, missed) == ([], [])


def imported_by(file: str, others: Iterable[str]) -> bool:
    """Whether one of some files imports a module."""
    statement = re.compile(rf"^\s*(from|import) {re.escape(module_name(file))}\b", re.MULTILINE)
    return any(statement.search(FILES[other].decode()) for other in others)


class Used:
    """The definitions of which code ran, and the constants and classes that these name."""

    def __init__(self, ran: set[Ran]) -> None:
        self.names = Names(Folder(SCRIPTS, FILES))
        loaded = {one.file for one in ran if one.name == "<module>"}
        counted = {file for file in loaded if not left_out(module_name(file))}
        # What modules alone load that are left out is left out with them.
        self.modules = {
            file
            for file in counted
            if imported_by(file, counted) or not imported_by(file, loaded - counted)
        }
        # A file and the number of a statement.
        self.definitions: set[tuple[str, int]] = set()
        waiting = [found for one in ran if (found := self._statement_of(one)) is not None]
        while waiting:
            found = waiting.pop()
            if found not in self.definitions:
                self.definitions.add(found)
                waiting += self._named(*found)

    def module(self, file: str) -> Module:
        """The module of a file."""
        return self.names.module(file if "/" not in file else module_name(file))

    def not_in_the_digest(self, job: Job) -> list[str]:
        """Definitions and modules that can be edited as a whole, and the digest stays."""
        before = Code(SCRIPTS, FILES).digest(job.script, job.modules)
        missed = []
        for file, number in sorted(self.definitions):
            module = self.module(file)
            files = {**FILES, file: edited(file, module.statements[number]).encode()}
            if Code(SCRIPTS, files).digest(job.script, job.modules) == before:
                missed.append(f"{file}: {module.name_of(number)}")
        for file in sorted(self.modules):
            files = {**FILES, file: FILES[file] + b"\nprint()\n"}
            if Code(SCRIPTS, files).digest(job.script, job.modules) == before:
                missed.append(f"{file}: a new statement")
        return missed

    def missed_edits(self, job: Job, done: Done) -> tuple[int, list[str]]:
        """The number of small edits, and those that leave the canonical text as it was."""
        reach = Reach(Names(Folder(SCRIPTS, FILES)), job.script, job.modules)
        tried, missed = 0, []
        for file, number in sorted(self.definitions):
            cached = self.module(file)
            tree = ast.parse((SCRIPTS / file).read_text(encoding="utf-8"))
            module = Module(cached.name, cached.package, tree, cached.own)
            statement = module.statements[number]
            kind = DEFINITION if self.names.defines(cached, number) else STATEMENTS
            node = Node(kind, cached.name, number if kind == DEFINITION else -1)
            assert node in reach.parts, f"{file}: {module.name_of(number)} is not in the digest"
            if (file, number, reach.read) in done:
                continue
            done.add((file, number, reach.read))
            before = self._text(module, statement, reach)
            for edit in mutants(statement):
                tried += 1
                if self._text(module, statement, reach) == before:
                    missed.append(f"{file}: {edit}: {ast.unparse(statement)[:60]!r}")
        return tried, missed

    def _text(self, module: Module, statement: ast.stmt, reach: Reach) -> object:
        writer = Writer(module.names, module.package, module.own)
        write_definition(writer, statement)
        text: Text = writer.text()
        read = [word for kind, word in text.words if kind.removeprefix("error:") in reach.read]
        return text.code, text.references, read

    def _statement_of(self, one: Ran) -> tuple[str, int] | None:
        """The statement at the top of a module that code belongs to."""
        if left_out(module_name(one.file)) or one.name.startswith("<"):
            return None
        for number, statement in enumerate(self.module(one.file).statements):
            decorators = getattr(statement, "decorator_list", [])
            first = min(node.lineno for node in (statement, *decorators))
            if first <= one.line <= (statement.end_lineno or first):
                return one.file, number
        raise AssertionError(f"{one}: no such statement")

    def _named(self, file: str, number: int) -> Iterator[tuple[str, int]]:
        """The constants and classes that a definition names where it does not do so for people."""
        module = self.module(file)
        statement = module.statements[number]
        exempt = words(statement)
        for node in ast.walk(statement):
            if isinstance(node, ast.Name) and node not in exempt:
                yield from self._defined(module, node.id)

    def _defined(self, module: Module, name: str) -> Iterator[tuple[str, int]]:
        for bound in module.bindings.get(name, ()):
            if isinstance(bound, int):
                statement = module.statements[bound]
                if not isinstance(statement, FUNCTIONS) and "getLogger" not in ast.dump(statement):
                    yield file_of(module), bound
            elif bound.name and bound.module.startswith("ecslm.") and not left_out(bound.module):
                home = self.names.module(bound.module)
                if bound.name in home.bindings:
                    yield from self._defined(home, bound.name)


def module_name(file: str) -> str:
    return ".".join(Path(file).with_suffix("").parts).removesuffix(".__init__")


def file_of(module: Module) -> str:
    if module.name.endswith(".py"):
        return module.name
    path = Folder(SCRIPTS, FILES).path(module.name)
    assert path is not None
    return path


def edited(file: str, statement: ast.stmt) -> str:
    """The text of a file with one definition that does something else."""
    lines = (SCRIPTS / file).read_text(encoding="utf-8").split("\n")
    copy = ast.parse(ast.unparse(statement)).body[0]
    match copy:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            copy.body.append(ast.parse("print()").body[0])
        case ast.Assign(value=value):
            copy.value = ast.Tuple([value], ast.Load())
        case ast.AnnAssign(value=ast.expr() as value):
            copy.value = ast.Tuple([value], ast.Load())
        case _:
            copy = ast.If(ast.Name("print", ast.Load()), [copy], [])
    decorators = getattr(statement, "decorator_list", [])
    first = min(node.lineno for node in (statement, *decorators))
    changed = ast.unparse(ast.fix_missing_locations(copy)).split("\n")
    return "\n".join([*lines[: first - 1], *changed, *lines[statement.end_lineno :]])
