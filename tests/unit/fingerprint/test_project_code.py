"""The project's own code: what its edits concern, and that it has nothing that digests miss."""

import ast
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml
from support.imports import imported_modules
from support.project import ROOT, SCRIPTS

from ecslm.fingerprint.digest import code_digest, code_of, left_out
from ecslm.fingerprint.known import ERRORS, READING
from ecslm.schemas.task import TaskSettings

RULES = {
    path.name: path.read_text(encoding="utf-8")
    for path in (ROOT / "Snakefile", *sorted((ROOT / "rules").glob("*.smk")))
}
JOBS = sorted(set(re.findall(r"scripts/(\w+\.py)", "".join(RULES.values()))))
TREES = {
    path.relative_to(SCRIPTS).as_posix(): ast.parse(path.read_text(encoding="utf-8"))
    for path in sorted(SCRIPTS.rglob("*.py"))
}
LIBRARY = {file: tree for file, tree in TREES.items() if "/" in file}


def module_name(file: str) -> str:
    return file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def nodes(kind: type[ast.AST] | tuple[type[ast.AST], ...]) -> Iterator[tuple[str, ast.AST]]:
    """All nodes of a kind, with their files, but for those of the digest itself."""
    for file, tree in TREES.items():
        if not file.startswith("ecslm/fingerprint/"):
            yield from ((file, node) for node in ast.walk(tree) if isinstance(node, kind))


# What edits concern


def score_digests(root: Path) -> dict[str, str]:
    raw = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))["tasks"]
    tasks = {code: TaskSettings.model_validate(task) for code, task in raw.items()}
    return {
        code: code_digest(
            "score.py",
            (f"ecslm.scoring.answers.{task.answer}", f"ecslm.scoring.metrics.{task.metric}"),
            root,
        )
        for code, task in tasks.items()
    }


@pytest.fixture
def after(tmp_path: Path) -> Callable[[str], Path]:
    """The scripts with one statement more in a file."""

    def edited(name: str) -> Path:
        root = tmp_path / "after"
        shutil.copytree(SCRIPTS, root, ignore=shutil.ignore_patterns("__pycache__"))
        with (root / name).open("a", encoding="utf-8") as stream:
            stream.write("assert True\n")
        return root

    return edited


After = Callable[[str], Path]


@pytest.mark.parametrize(
    ("edited", "tasks"),
    [
        ("ecslm/scoring/metrics/macro_f1.py", {"PRP", "SA"}),
        ("ecslm/scoring/answers/yes_no.py", {"PM", "PSI", "AP"}),
        ("ecslm/tables/kinds/results.py", set()),
    ],
)
def test_an_edit_of_scoring_code_concerns_its_own_tasks_and_no_gpu_step(
    edited: str, tasks: set[str], after: After
) -> None:
    root = after(edited)
    one, two = score_digests(SCRIPTS), score_digests(root)
    assert {code for code in one if one[code] != two[code]} == tasks
    for script in ("train_adapter.py", "predict.py", "bertscore.py", "dataset.py"):
        assert code_digest(script) == code_digest(script, (), root)


@pytest.mark.parametrize(
    ("edited", "jobs"),
    [
        ("ecslm/training/loss.py", {"train_adapter.py"}),
        ("ecslm/common/devices/lease.py", set()),
        ("ecslm/common/workdir.py", set()),
    ],
)
def test_an_edit_concerns_these_jobs_alone(edited: str, jobs: set[str], after: After) -> None:
    root = after(edited)
    found = {job for job in JOBS if code_digest(job) != code_digest(job, (), root)}
    assert found == jobs


PLANNING = {"config", "plan", "provenance"}
CHEAP = PLANNING | {"reports", "tables", "comparisons", "scoring", "data"}
GPU_STEPS = {"train_adapter.py", "predict.py", "measure_latency.py"}


@pytest.mark.parametrize("script", JOBS)
def test_a_job_imports_nothing_whose_edit_must_not_rerun_it(script: str) -> None:
    modules = ["ecslm.prediction.transformers_backend"] if script in GPU_STEPS else []
    found = {name.split(".")[1] for name in imported_modules(script, modules) if "." in name}
    assert "common" in found
    assert not found & (CHEAP if script in GPU_STEPS else PLANNING)


# What the digest could not follow

# Where a module is loaded by a name made at run time, and what adds it to the digest instead.
LOADED_BY_NAME = {
    "ecslm/prediction/generation.py": "modules_of in rules/predictions.smk",
    "ecslm/prediction/backend.py": "modules_of in rules/predictions.smk",
    "ecslm/scoring/answers/protocol.py": "of_task in rules/metrics.smk",
    "ecslm/scoring/metrics/protocol.py": "of_task in rules/metrics.smk",
}
# What looks for files from where it stands itself, and why no result escapes its digest.
FILES_BESIDE = {
    "config_schema.py": "writes the schema of config.yaml and its page, which no job reads",
    "ecslm/common/versions.py": "the lock file: versions are parameters",
    "ecslm/config/reference_page.py": "examples of that page",
    "ecslm/data/index.py": "its own code, to throw away a cache that other code made",
    "ecslm/fingerprint/digest.py": "the code itself",
    "ecslm/fingerprint/running.py": "the code itself",
    "ecslm/script.py": "the script that runs",
    "ecslm/schemas/registry.py": "config.yaml, for a script without settings: never in a job",
    "ecslm/starter/study.py": "the template of a configuration: never in a job",
}
# By these, code runs that no definition names, or that comes with data, or reads what the digest
# leaves out.
BANNED = re.compile(
    r"(__import__|compile|eval|exec|globals|locals|setattr|sys\.modules|"
    r".*\.(reload|run_module|run_path|get_data|resolve_name|get_objects|__(globals|subclasses|"
    r"annotations|qualname|module)__|f_globals|f_lineno|tb_lineno|co_firstlineno|excepthook|"
    r"showwarning|addHandler)|"
    r"(np|numpy)\.load|os\.(system|popen)|yaml\.(unsafe_load|full_load|(Unsafe|Full|)Loader)|"
    r"c?pickle|dill|cloudpickle|joblib|marshal|shelve|inspect|runpy|importlib\.resources|.*(PlainSerializer|WrapSerializer|validate_call)|"
    r"get_type_hints|signature|__(class_getitem|init_subclass|getattr)__)"
)
SEES = {
    "ecslm/common/logs.py": "log lines reach no result",
    "ecslm/plan/parameters.py": "names of wildcards: never in a job",
    "ecslm/script.py": "annotations of a `job`, which its digest has",
}


def test_no_code_runs_unnamed_or_reads_what_the_digest_leaves_out() -> None:
    found = set()
    for file, node in nodes((ast.Name, ast.Attribute, ast.alias, ast.FunctionDef)):
        named = isinstance(node, ast.alias | ast.FunctionDef)
        name = node.name if named else ast.unparse(node)
        if BANNED.fullmatch(name) and file not in SEES:
            found.add((file, name))
    assert found == set()


def test_no_call_allows_a_shell_or_code_in_data() -> None:
    for file, node in nodes(ast.keyword):
        if getattr(node, "arg", "") in ("shell", "trust_remote_code", "allow_pickle"):
            assert ast.unparse(node) == f"{node.arg}=False", file  # type: ignore[attr-defined]
    for file, node in nodes(ast.Call):
        assert isinstance(node, ast.Call)
        if ast.unparse(node.func) == "torch.load":
            assert "weights_only=True" in map(ast.unparse, node.keywords), file


def test_modules_loaded_by_a_name_made_at_run_time_are_added_to_the_digest_by_their_rules() -> None:
    found = set()
    for file, node in nodes(ast.Call):
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module"):
            name = node.args[0]
            if not isinstance(name, ast.Constant):
                found.add(file)
            else:
                # The digest looks for nothing in texts.
                assert left_out(name.value), f"{file}: {name.value}"
    assert found == set(LOADED_BY_NAME)
    for where in LOADED_BY_NAME.values():
        name, _, path = where.partition(" in ")
        text = (ROOT / path).read_text(encoding="utf-8")
        given = rf'made_by\(\s*"[^"]+",[^)]*\b{name}\b'
        assert re.search(given, text), where


def test_files_beside_code_are_read_only_where_no_result_depends_on_them() -> None:
    texts = {file: (SCRIPTS / file).read_text(encoding="utf-8") for file in TREES}
    assert {file for file, text in texts.items() if "__file__" in text} == set(FILES_BESIDE)


def test_imports_are_absolute_and_by_name_and_bind_a_name_once() -> None:
    for file, node in nodes(ast.ImportFrom):
        assert isinstance(node, ast.ImportFrom)
        assert node.level == 0, file
        assert "*" not in {alias.name for alias in node.names}, file
        assert node.module != "__future__", file
    for file, node in nodes((ast.ClassDef, ast.Try)):
        inner = [type(one) for one in ast.walk(node) if one in getattr(node, "body", ())]
        assert not {ast.Import, ast.ImportFrom} & set(inner), file


def test_packages_hold_a_docstring_and_nothing_else() -> None:
    packages = [tree for file, tree in TREES.items() if file.endswith("__init__.py")]
    assert len(packages) >= 9
    for tree in packages:
        assert len(tree.body) == 1
        assert ast.get_docstring(tree) is not None


# Calls that make a value and do nothing else, in constants of modules.
MAKES = {
    *("re.compile", "Path", "logging.getLogger", "frozenset", "Field", "TypeVar", "dict.fromkeys"),
    *("tuple", "TypeAdapter", "AfterValidator", "len", "getattr", "get_args", "range", "product"),
    *("ContextVar", "contextlib.ExitStack", "Path(__file__).resolve", "pa.int64", "pa.schema"),
    *("pa.string", "HashingVectorizer", "FIGURE_SVG.format", "FIGURE_PDF.format", "METRICS.items"),
    *("reduce", "sorted", "Literal", "'|'.join"),
}
DECORATORS = READING | {
    *("dataclass", "property", "cached_property", "classmethod", "staticmethod", "abstractmethod"),
    *("contextmanager", "cache", "lru_cache", "model_validator", "field_validator"),
    "torch.inference_mode",
}


def test_an_import_executes_nothing_but_definitions() -> None:
    classes = {one.name for _, one in nodes(ast.ClassDef) if isinstance(one, ast.ClassDef)}
    for file, tree in LIBRARY.items():
        for statement in executed(tree.body):
            where = f"{file}: {ast.unparse(statement)[:70]}"
            match statement:
                case ast.Assign(targets=targets, value=value):
                    names = [one for target in targets for one in ast.walk(target)]
                    assert not {ast.Attribute, ast.Subscript} & set(map(type, names)), where
                case ast.AnnAssign(target=ast.Name(), value=value):
                    pass
                case _:
                    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Import)
                    assert isinstance(statement, (*kinds, ast.ImportFrom)), where
                    continue
            for call in evaluated(value or ast.Pass()):
                if isinstance(call, ast.Call):
                    assert ast.unparse(call.func) in MAKES | classes, where


def evaluated(node: ast.AST) -> Iterator[ast.AST]:
    """A node and all in it that is evaluated with it: not what a lambda does later."""
    yield node
    for child in () if isinstance(node, ast.Lambda) else ast.iter_child_nodes(node):
        yield from evaluated(child)


def test_decorators_are_known() -> None:
    for file, node in nodes((ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        for one in getattr(node, "decorator_list", ()):
            name = ast.unparse(one.func if isinstance(one, ast.Call) else one)
            assert name in DECORATORS, f"{file}: {name}"


def executed(statements: list[ast.stmt]) -> Iterator[ast.stmt]:
    for statement in statements:
        match statement:
            case ast.If(test=ast.Name(id="TYPE_CHECKING"), orelse=others):
                yield from others
            case ast.Expr(value=ast.Constant()):
                pass
            case _:
                yield statement


def test_fields_have_their_types_as_they_are() -> None:
    for file, node in nodes(ast.ClassDef):
        for one in getattr(node, "body", ()):
            if isinstance(one, ast.AnnAssign) and not left_out(module_name(file)):
                quoted = isinstance(getattr(one.annotation, "value", None), str)
                assert not quoted, f"{file}: {ast.unparse(one)}"


# Words

# What reads the words of errors that it catches, and why they reach no result.
READS_WORDS = {
    "ecslm/common/files.py": "makes problems of them, which it raises",
    "ecslm/data/index.py": "of values that Python's own JSON refuses",
    "ecslm/data/rows.py": "of texts that Python's own JSON refuses, or raises them again",
    "ecslm/prediction/transformers_engine.py": "asks torch's error whether memory has run out",
    "ecslm/scoring/predictions.py": "makes a problem of them, which is raised",
    "ecslm/training/memory.py": "asks torch's error whether memory has run out",
    "ecslm/training/launch.py": "leaves the problems to the job, which raises them",
    "ecslm/training/trainer.py": "asks torch's error whether memory has run out",
}


def test_words_of_errors_are_only_raised_again_logged_or_shown() -> None:
    """So that `raise` may leave them out."""
    jobs = {node.module for job in JOBS for node in code_of(SCRIPTS).reached(job)}
    jobs |= {module_name(file) for file in LIBRARY if re.match("ecslm/(data|scoring)/", file)}
    found = set()
    for file, node in nodes(ast.ExceptHandler):
        assert isinstance(node, ast.ExceptHandler)
        caught = {
            part.split(".")[-1] for part in re.findall(r"[\w.]+", ast.unparse(node.type or node))
        }
        ours = not caught or caught & (ERRORS | {"Exception", "ValidationError"})
        if node.name and ours and (module_name(file) in jobs or file in JOBS):
            passed: set[ast.AST] = set()
            for one in ast.walk(node):
                call = ast.unparse(one.func) if isinstance(one, ast.Call) else ""
                if isinstance(one, ast.Raise) or call.startswith(("log.", "exit_with")):
                    passed.update(ast.walk(one))
            names = {
                one for one in ast.walk(node) if isinstance(one, ast.Name) and one.id == node.name
            }
            if names - passed:
                found.add(file)
    assert found == set(READS_WORDS)


def test_warnings_are_neither_collected_nor_errors() -> None:
    for file, node in nodes(ast.Call):
        assert isinstance(node, ast.Call)
        name = ast.unparse(node.func)
        assert not name.endswith("catch_warnings") or not node.keywords, file
        if name.endswith(("simplefilter", "filterwarnings")):
            assert ast.unparse(node.args[0]) == "'ignore'", file


# What is left out

# What could change a result, in the words of code: of torch and training, chance, the environment.
DECIDES = re.compile(
    r"\b(torch|transformers|numpy|random|seed\w*|manual_seed|control|should_\w+|TrainerControl|"
    r"generator|set_num_threads|environ\.(?:update|setdefault|pop)|putenv)\b|environ\[\w+\] ="
)
# What is there all the same, and what it is for.
HARMLESS = {
    "ecslm/common/devices/lease.py": {"environ[DEVICES_VARIABLE] =", "environ[ORDER_VARIABLE] ="}
    | {"environ[LEASE_VARIABLE] ="},  # which GPU, of equal ones
    "ecslm/common/logs.py": {"environ.setdefault"},  # of colours in lines
    "ecslm/models/cost.py": {"torch"},  # how much memory there was
    "ecslm/reports/score_summary.py": {"seed"},  # in a line of words
}


def test_what_is_left_out_decides_no_result() -> None:
    found: dict[str, set[str]] = {}
    for file, tree in LIBRARY.items():
        if left_out(module_name(file)):
            copy = ast.parse(ast.unparse(tree))
            for one in ast.walk(copy):
                if isinstance(one, ast.Constant) and isinstance(one.value, str):
                    one.value = ""
            if names := {match[0] for match in DECIDES.finditer(ast.unparse(copy))}:
                found[file] = names
    assert found == HARMLESS


# Rules


def test_rules_run_shell_commands_and_never_script_or_run_blocks() -> None:
    assert len(RULES) >= 8
    banned = re.compile(
        r"^\s*(script|run|notebook|wrapper|template_engine|cache)\s*:", re.MULTILINE
    )
    assert {name for name, text in RULES.items() if banned.search(text)} == set()


def test_every_rule_that_runs_a_script_says_its_digest() -> None:
    for name, text in RULES.items():
        for rule in re.split(r"^(?=rule |on\w+:)", text, flags=re.MULTILINE):
            if rule.startswith("rule ") and (script := re.search(r"scripts/(\w+\.py)", rule)):
                given = rf'made_by\(\s*"{script[1]}"'
                assert re.search(given, rule), f"{name}: {rule.splitlines()[0]}"
