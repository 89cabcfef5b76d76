"""The project's own code: what its edits concern, and that it has nothing that digests miss."""

import ast
import re
import shutil
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from symtable import SymbolTable, symtable
from typing import TypeVar

import pytest
import yaml
from support.project import ROOT, SCRIPTS

from ecslm.fingerprint.digest import LOGGER, Module, code_of, left_out
from ecslm.fingerprint.known import ERRORS
from ecslm.schemas.task import TaskSettings

RULES = {
    path.name: path.read_text(encoding="utf-8")
    for path in (ROOT / "Snakefile", *sorted((ROOT / "rules").glob("*.smk")))
}
JOBS = sorted(set(re.findall(r"scripts/(\w+\.py)", "".join(RULES.values()))))
Kind = TypeVar("Kind", bound=ast.AST)


def module_name(file: str) -> str:
    return file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


@cache
def trees() -> dict[str, ast.Module]:
    """All of the project's code by file."""
    return {
        path.relative_to(SCRIPTS).as_posix(): ast.parse(path.read_text(encoding="utf-8"))
        for path in sorted(SCRIPTS.rglob("*.py"))
    }


def library() -> dict[str, ast.Module]:
    """That of no script."""
    return {file: tree for file, tree in trees().items() if "/" in file}


@cache
def all_nodes() -> list[tuple[str, ast.AST]]:
    """All nodes with their files, but for those of the digest itself."""
    return [
        (file, node)
        for file, tree in trees().items()
        for node in ast.walk(tree)
        if not file.startswith("ecslm/fingerprint/")
    ]


def nodes(*kinds: type[Kind]) -> Iterator[tuple[str, Kind]]:
    """All nodes of some kinds, with their files."""
    return ((file, node) for file, node in all_nodes() if isinstance(node, kinds))


# What edits concern


def digests(root: Path) -> dict[str, str]:
    """By script, and by task for scores."""
    raw = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))["tasks"]
    found = {job: code_of(root).digest(job) for job in JOBS}
    for code, entry in raw.items():
        task = TaskSettings.model_validate(entry)
        modules = (f"ecslm.scoring.metrics.{task.metric}",)
        found[code] = code_of(root).digest("score.py", modules)
    return found


EDITED = {
    "ecslm/scoring/metrics/macro_f1.py": {"PRP", "SA"},
    "ecslm/training/trainer.py": {"train_adapter.py"},
    "ecslm/common/workdir.py": set(),
}


def test_an_edit_concerns_these_alone(tmp_path: Path) -> None:
    root = tmp_path / "after"
    shutil.copytree(SCRIPTS, root, ignore=shutil.ignore_patterns("__pycache__"))
    for edited in EDITED:
        with (root / edited).open("a", encoding="utf-8") as stream:
            stream.write("assert True\n")
    before, after = digests(SCRIPTS), digests(root)
    assert {one for one in before if before[one] != after[one]} == set().union(*EDITED.values())


PLANNING = {"config", "plan", "provenance"}
CHEAP = PLANNING | {"reports", "tables", "comparisons", "scoring", "data"}
GPU_STEPS = {"train_adapter.py", "predict.py", "measure_latency.py"}


@pytest.mark.parametrize("script", JOBS)
def test_a_job_reaches_nothing_whose_edit_must_not_rerun_it(script: str) -> None:
    modules = ["ecslm.families.transformers.backend"] if script in GPU_STEPS else []
    reached = code_of(SCRIPTS).reached(script, modules)
    found = {node.module.split(".")[1] for node in reached if "/" not in node.module}
    assert found
    assert not found & (CHEAP if script in GPU_STEPS else PLANNING)


# What the digest could not follow

# Where a module is loaded by a name made at run time, and what adds it to the digest instead.
SETTINGS = "def modules in scripts/ecslm/families/settings.py"
LOADED_BY_NAME = {
    "ecslm/families/transformers/generation.py": SETTINGS,
    "ecslm/families/backend.py": SETTINGS,
    "ecslm/scoring/metrics/protocol.py": "def modules in scripts/ecslm/scoring/settings.py",
}
# What looks for files from where it stands itself, and why no result escapes its digest.
FILES_BESIDE = {
    "config_schema.py": "writes the schema of config.yaml and its page, which no job reads",
    "ecslm/common/environment.py": "the lock file: versions are parameters",
    "ecslm/config/reference_page.py": "examples of that page",
    "ecslm/data/source.py": "its own code, to throw away a cache that other code made",
    "ecslm/fingerprint/digest.py": "the code itself",
    "ecslm/script.py": "the script that runs",
    "ecslm/schemas/task.py": "config.yaml, for a script without settings: never in a job",
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
    r"c?pickle|dill|cloudpickle|joblib|marshal|shelve|inspect|runpy|importlib\.resources|"
    r".*(PlainSerializer|WrapSerializer|validate_call)|"
    r"get_type_hints|signature|__(class_getitem|init_subclass|getattr)__)"
)
SEES = {
    "ecslm/common/logs.py": "log lines reach no result",
    "ecslm/config/reference_page.py": "descriptions of settings, for their page: never in a job",
    "ecslm/plan/jobs.py": "names of wildcards: never in a job",
    "ecslm/script.py": "annotations of a `job`, which its digest has",
}


def test_no_code_runs_unnamed_or_reads_what_the_digest_leaves_out() -> None:
    found = set()
    for file, node in nodes(ast.Name, ast.Attribute, ast.alias, ast.FunctionDef):
        named = isinstance(node, ast.alias | ast.FunctionDef)
        name = node.name if named else ast.unparse(node)
        if BANNED.fullmatch(name) and file not in SEES:
            found.add((file, name))
    assert found == set()


def test_calls_allow_no_shell_or_code_in_data_and_load_no_module_that_the_digest_misses() -> None:
    loading = set()
    for file, node in nodes(ast.Call):
        called, options = ast.unparse(node.func), {ast.unparse(one) for one in node.keywords}
        names = {one.partition("=")[0] for one in options if not one.endswith("=False")}
        assert not names & {"shell", "trust_remote_code", "allow_pickle"}, file
        assert called != "torch.load" or "weights_only=True" in options, file
        # Warnings are neither collected nor errors.
        assert not called.endswith("catch_warnings") or not options, file
        if called.endswith(("simplefilter", "filterwarnings")):
            assert ast.unparse(node.args[0]) == "'ignore'", file
        if called.endswith("import_module"):
            if isinstance(node.args[0], ast.Constant):
                # The digest looks for nothing in texts.
                assert left_out(str(node.args[0].value)), file
            else:
                loading.add(file)
    assert loading == set(LOADED_BY_NAME)
    for where in LOADED_BY_NAME.values():
        name, _, path = where.partition(" in ")
        text = (ROOT / path).read_text(encoding="utf-8")
        assert re.search(rf"\b{name}\b", text), where
    texts = {file: (SCRIPTS / file).read_text(encoding="utf-8") for file in trees()}
    assert {file for file, text in texts.items() if "__file__" in text} == set(FILES_BESIDE)


def test_imports_are_absolute_and_by_name_and_bind_a_name_once() -> None:
    for file, node in nodes(ast.ImportFrom):
        assert (node.level, node.module) != (0, "__future__"), file
        assert node.level == 0, file
        assert "*" not in {alias.name for alias in node.names}, file
    for file, node in nodes(ast.ClassDef, ast.Try):
        assert not {ast.Import, ast.ImportFrom} & set(map(type, node.body)), file
    packages = [tree for file, tree in trees().items() if file.endswith("__init__.py")]
    assert len(packages) >= 9
    assert all(len(one.body) == 1 and ast.get_docstring(one) for one in packages)


def scopes(table: SymbolTable) -> Iterator[SymbolTable]:
    yield table
    for inner in table.get_children():
        yield from scopes(inner)


def test_no_local_name_is_one_of_its_module_and_no_import_binds_a_name_again() -> None:
    found = set()
    for file in trees():
        source = (SCRIPTS / file).read_text(encoding="utf-8")
        module = Module(file, SCRIPTS / file, source.encode())
        names = module.statements.keys() | module.imports.keys()
        tables = scopes(symtable(source, file, "exec"))
        functions = [one for one in tables if one.get_type() == "function"]
        for symbol in (one for table in functions for one in table.get_symbols()):
            if symbol.is_local() and not symbol.is_imported() and symbol.get_name() in names:
                found.add((file, symbol.get_name()))
        found |= {(file, name) for name in module.imports.keys() & module.statements.keys()}
    assert found == set()
    bound: dict[tuple[str, str], tuple[str | None, str]] = {}
    for file, node in nodes(ast.Import, ast.ImportFrom):
        for one in node.names:
            meant = getattr(node, "module", None), one.name
            name = one.asname or (one.name if meant[0] else one.name.split(".")[0])
            assert bound.setdefault((file, name), meant) == meant or "." in one.name, (file, name)


# Calls that make a value and do nothing else, in constants of modules.
MAKES = {
    *("re.compile", "Path", "logging.getLogger", "frozenset", "Field", "TypeVar", "dict.fromkeys"),
    *("tuple", "TypeAdapter", "AfterValidator", "len", "get_args", "range", "METRICS.items"),
    *("Path(__file__).resolve", "HashingVectorizer", "'|'.join", "json.JSONDecoder"),
    *("name.capitalize", "named_in"),
}
DECORATORS = {
    *("dataclass", "property", "cached_property", "classmethod", "staticmethod", "abstractmethod"),
    *("contextmanager", "cache", "lru_cache", "model_validator", "field_validator", "job"),
    "torch.inference_mode",
}


def test_an_import_executes_nothing_but_definitions() -> None:
    made = {one.name for _, one in nodes(ast.ClassDef)} | MAKES
    for file, tree in library().items():
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
            calls = (one for one in evaluated(value or ast.Pass()) if isinstance(one, ast.Call))
            assert {ast.unparse(one.func) for one in calls} <= made, where
    for file, node in nodes(ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef):
        for one in node.decorator_list:
            name = ast.unparse(one.func if isinstance(one, ast.Call) else one)
            assert name in DECORATORS, f"{file}: {name}"


def evaluated(node: ast.AST) -> Iterator[ast.AST]:
    """A node and all in it that is evaluated with it: not what a lambda does later."""
    yield node
    for child in () if isinstance(node, ast.Lambda) else ast.iter_child_nodes(node):
        yield from evaluated(child)


def executed(statements: list[ast.stmt]) -> Iterator[ast.stmt]:
    for statement in statements:
        match statement:
            case ast.If(test=ast.Name(id="TYPE_CHECKING"), orelse=others):
                yield from others
            case ast.Expr(value=ast.Constant()):
                pass
            case _:
                yield statement


def test_fields_have_their_types_as_they_are_and_log_is_a_logger() -> None:
    for file, node in nodes(ast.ClassDef):
        for one in node.body:
            if isinstance(one, ast.AnnAssign) and not left_out(module_name(file)):
                quoted = isinstance(getattr(one.annotation, "value", None), str)
                assert not quoted, f"{file}: {ast.unparse(one)}"
    loggers = {
        file: ast.unparse(one.value)
        for file, one in nodes(ast.Assign)
        if ast.unparse(one.targets[0]) == LOGGER
    }
    assert set(loggers.values()) == {"logging.getLogger(__name__)"}
    bound = {x for x, one in nodes(ast.Name) if one.id == LOGGER and isinstance(one.ctx, ast.Store)}
    # Whether a job has a log is not a logger.
    assert bound - loggers.keys() == {"ecslm/script.py"}
    assert not [file for file, one in nodes(ast.arg) if one.arg == LOGGER]


# Words

# What reads the words of errors that it catches, and why they reach no result.
READS_WORDS = {
    "ecslm/common/rows.py": "makes problems of them, which it raises",
    "ecslm/data/source.py": "of values that Python's own JSON refuses",
    "ecslm/data/rows.py": "of texts that Python's own JSON refuses, or raises them again",
    "ecslm/families/transformers/generation.py": "asks torch's error whether memory has run out",
    "ecslm/training/run.py": "leaves the problems to the job, which raises them",
    "ecslm/training/trainer.py": "asks torch's error whether memory has run out",
}


def test_words_of_errors_are_only_raised_again_logged_or_shown() -> None:
    """So that `raise` may leave them out."""
    jobs = {node.module for job in JOBS for node in code_of(SCRIPTS).reached(job)}
    jobs |= {module_name(file) for file in library() if re.match("ecslm/(data|scoring)/", file)}
    found = set()
    for file, node in nodes(ast.ExceptHandler):
        names = re.findall(r"[\w.]+", ast.unparse(node.type or node))
        ours = {name.split(".")[-1] for name in names} & (ERRORS | {"Exception", "ValidationError"})
        if node.name and (ours or not names) and (module_name(file) in jobs or file in JOBS):
            passed: set[ast.AST] = set()
            for one in ast.walk(node):
                call = ast.unparse(one.func) if isinstance(one, ast.Call) else ""
                if isinstance(one, ast.Raise) or call.startswith(("log.", "exit_with")):
                    passed.update(ast.walk(one))
            read = {x for x in ast.walk(node) if isinstance(x, ast.Name) and x.id == node.name}
            if read - passed:
                found.add(file)
    assert found == set(READS_WORDS)
    made = [one for _, one in nodes(ast.Call) if ast.unparse(one.func) == "Problem"]
    kinds = [part.value for one in made for part in one.keywords if part.arg == "kind"]
    assert kinds and all(isinstance(kind, ast.Name) for kind in kinds)


# What is left out

# What could change a result, in the words of code: of torch and training, chance, the environment.
DECIDES = re.compile(
    r"\b(torch|transformers|numpy|random|seed\w*|manual_seed|control|should_\w+|TrainerControl|"
    r"generator|set_num_threads|environ\.(?:update|setdefault|pop)|putenv)\b|environ\[\w+\] ="
)
# What is there all the same, and what it is for.
HARMLESS = {
    "ecslm/common/devices.py": {"environ[DEVICES_VARIABLE] ="}
    | {"environ[LEASE_VARIABLE] ="},  # which GPU, of equal ones
    "ecslm/common/logs.py": {"environ.setdefault"},  # of colours in lines
    "ecslm/models/cost.py": {"torch"},  # how much memory there was
    "ecslm/reports/summaries.py": {"seed"},  # in a line of words
}


def test_what_is_left_out_decides_no_result() -> None:
    found: dict[str, set[str]] = {}
    for file, tree in library().items():
        if left_out(module_name(file)):
            copy = ast.parse(ast.unparse(tree))
            for one in ast.walk(copy):
                if isinstance(one, ast.Constant) and isinstance(one.value, str):
                    one.value = ""
            if names := {match[0] for match in DECIDES.finditer(ast.unparse(copy))}:
                found[file] = names
    assert found == HARMLESS


def test_rules_run_shell_commands_alone_and_every_rule_says_the_digest_of_its_script() -> None:
    assert len(RULES) >= 8
    banned = r"(?m)^\s*(script|run|notebook|wrapper|template_engine|cache)\s*:"
    for name, text in RULES.items():
        assert not re.search(banned, text), name
        for rule in re.split(r"(?m)^(?=rule |on\w+:)", text):
            if rule.startswith("rule ") and (script := re.search(r"scripts/(\w+\.py)", rule)):
                given = rf'(made|gathered)_by\(\s*"{script[1]}"'
                assert re.search(given, rule), f"{name}: {rule.splitlines()[0]}"
