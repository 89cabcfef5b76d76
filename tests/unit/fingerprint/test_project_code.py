"""The project's own code: what its edits concern, and that nothing in it escapes the digest."""

import ast
import importlib
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

import pytest
import yaml
from ecslm.fingerprint.code import Code

from ecslm.fingerprint.digest import SCRIPTS, code_digest, imported_modules
from ecslm.fingerprint.known import WORDED
from ecslm.schemas.task import METRICS, TaskSettings

ROOT = SCRIPTS.parent


def registry() -> dict[str, TaskSettings]:
    raw = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))["tasks"]
    return {code: TaskSettings.model_validate(task) for code, task in raw.items()}


def score_digests(root: Path) -> dict[str, str]:
    return {
        code: code_digest(
            "score.py",
            (f"ecslm.scoring.answers.{task.answer}", f"ecslm.scoring.metrics.{task.metric}"),
            root,
        )
        for code, task in registry().items()
    }


def test_a_digest_does_not_depend_on_what_else_was_digested_before() -> None:
    scripts = sorted(path.name for path in SCRIPTS.glob("*.py"))
    alone = {script: Code(SCRIPTS).digest(script) for script in scripts}
    for order in (scripts, scripts[::-1]):
        code = Code(SCRIPTS)
        assert {script: code.digest(script) for script in order} == alone


@pytest.fixture
def copied(tmp_path: Path) -> Callable[[str, str, str], tuple[Path, Path]]:
    """The project's scripts as they are, and with one edit (file, old text, new text)."""

    def copies(name: str, old: str, new: str) -> tuple[Path, Path]:
        for folder in ("before", "after"):
            shutil.copytree(
                SCRIPTS, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__")
            )
        path = tmp_path / "after" / name
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new, 1), encoding="utf-8")
        return tmp_path / "before", tmp_path / "after"

    return copies


Copied = Callable[[str, str, str], tuple[Path, Path]]


@pytest.mark.parametrize(
    ("edited", "tasks"),
    [
        ("ecslm/scoring/metrics/ndcg.py", {"QPR"}),
        ("ecslm/scoring/metrics/macro_f1.py", {"PRP", "SA"}),
        ("ecslm/scoring/answers/yes_no.py", {"PM", "PSI", "AP"}),
        ("ecslm/scoring/answers/extraction.py", {"AVE"}),
        ("ecslm/tables/kinds/results.py", set()),
    ],
)
def test_an_edit_of_scoring_code_concerns_its_own_tasks_and_no_gpu_step(
    edited: str, tasks: set[str], copied: Copied
) -> None:
    before, after = copied(edited, "\ndef ", "\nassert True\n\n\ndef ")
    one, two = score_digests(before), score_digests(after)
    assert {code for code in one if one[code] != two[code]} == tasks
    for script in ("train_adapter.py", "predict.py", "bertscore.py", "dataset.py"):
        assert code_digest(script, (), before) == code_digest(script, (), after)


def test_an_edit_of_training_code_concerns_the_adapters_alone(copied: Copied) -> None:
    before, after = copied("ecslm/training/loss.py", "\ndef ", "\nassert True\n\n\ndef ")
    changed = {
        path.name
        for path in SCRIPTS.glob("*.py")
        if code_digest(path.name, (), before) != code_digest(path.name, (), after)
    }
    assert changed == {"train_adapter.py"}


def test_an_edit_of_how_devices_are_leased_concerns_no_step(copied: Copied) -> None:
    before, after = copied("ecslm/common/devices/lease.py", "\ndef ", "\nassert True\n\n\ndef ")
    for path in SCRIPTS.glob("*.py"):
        assert code_digest(path.name, (), before) == code_digest(path.name, (), after), path.name


CHEAP = (
    "ecslm.config",
    "ecslm.plan",
    "ecslm.provenance",
    "ecslm.reports",
    "ecslm.tables",
    "ecslm.comparisons",
    "ecslm.scoring",
    "ecslm.data",
)


@pytest.mark.parametrize(
    ("script", "modules"),
    [
        ("train_adapter.py", []),
        ("predict.py", ["ecslm.prediction.transformers_backend"]),
        ("measure_latency.py", ["ecslm.prediction.transformers_backend"]),
    ],
)
def test_a_gpu_step_imports_nothing_whose_edit_must_not_rerun_it(
    script: str, modules: list[str]
) -> None:
    found = imported_modules(script, modules)
    assert "ecslm.schemas.record" in found
    assert {m for m in found for f in CHEAP if m == f or m.startswith(f"{f}.")} == set()


def test_no_job_imports_the_configuration_or_the_plan() -> None:
    jobs = set(re.findall(r"scripts/(\w+\.py)", "".join(rules_text().values())))
    assert {"train_adapter.py", "predict.py", "score.py", "dataset.py"} <= jobs
    for script in jobs:
        planning = {"ecslm.config", "ecslm.plan", "ecslm.provenance"}
        assert not planning & imported_modules(script), script


def test_every_metric_and_answer_is_scored_without_loading_torch() -> None:
    modules = [f"ecslm.scoring.answers.{entry.answer}" for entry in METRICS.values()]
    modules += [f"ecslm.scoring.metrics.{metric}" for metric in METRICS]
    code = f"import importlib, sys\nfor m in {modules}: importlib.import_module(m)\n"
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            f"{code}import ecslm.scoring.score\nassert 'torch' not in sys.modules",
        ],
        cwd=SCRIPTS,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def python_files() -> list[Path]:
    return sorted(SCRIPTS.rglob("*.py"))


def imports_of(path: Path) -> set[str]:
    """Names of all modules that a file imports, also inside functions."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module or ".")
    return names


# What the digest could not follow.

# Where a module is loaded by a name made at run time, and what adds it to the digest instead.
LOADED_BY_NAME = {
    "check_data.py": "ecslm.plan.stages.data.Dataset.modules",
    "dataset.py": "ecslm.plan.stages.data.Dataset.modules",
    "ecslm/prediction/answers/protocol.py": "ecslm.plan.stages.models.Predict.modules",
    "ecslm/prediction/backend.py": "ecslm.plan.stages.models.Predict.modules",
    "ecslm/scoring/answers/protocol.py": "ecslm.plan.stages.scores.Score.modules",
    "ecslm/scoring/metrics/protocol.py": "ecslm.plan.stages.scores.Score.modules",
    "ecslm/tables/kind.py": "ecslm.plan.stages.tables.RenderTable.modules",
}
# What looks for files from where it stands itself, and why no result escapes its digest.
FILES_BESIDE = {
    "config_schema.py": "writes the schema of config.yaml and its page, which no job reads",
    "ecslm/common/versions.py": "the lock file: versions are parameters",
    "ecslm/config/reference_page.py": "examples of that page",
    "ecslm/data/sources/index.py": "its own code, to throw away a cache that other code made",
    "ecslm/fingerprint/digest.py": "the code itself",
    "ecslm/fingerprint/kept.py": "its own code, to use no digest that other code computed",
    "ecslm/fingerprint/running.py": "the code itself",
    "ecslm/schemas/registry.py": "config.yaml, for a script without settings: never in a job",
    "ecslm/scoring/bertscore/cache.py": "its own code, to throw away a cache that other code made",
    "ecslm/starter/study.py": "the template of a configuration: never in a job",
    "ecslm/training/launch.py": "the path of the script of training, which its jobs run again",
}


def names_in(path: Path) -> set[str]:
    """All names and attributes in a file."""
    nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    names = {node.id for node in nodes if isinstance(node, ast.Name)}
    return names | {node.attr for node in nodes if isinstance(node, ast.Attribute)}


def below(path: Path) -> str:
    return path.relative_to(SCRIPTS).as_posix()


def is_checked(path: Path) -> bool:
    """The fingerprint names these things, and uses none."""
    return "fingerprint" not in path.parts


def test_no_code_is_run_that_is_not_written_in_a_file() -> None:
    banned = {"__import__", "compile", "eval", "exec", "globals", "locals"}
    for path in filter(is_checked, python_files()):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        assert not banned & {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}, path
        assert not {"get_data", "reload", "run_module", "run_path"} & names_in(path), path
        attributes = (node for node in ast.walk(tree) if isinstance(node, ast.Attribute))
        assert "sys.modules" not in map(ast.unparse, attributes), path
        assert not imports_of(path) & {"importlib.resources", "inspect", "pickle", "runpy"}, path


# By these, code finds definitions that it does not name, or reads what the digest leaves out.
UNSEEN = {
    "definitions": {"__globals__", "__subclasses__", "f_globals", "get_objects", "resolve_name"},
    "errors": {"exception", "excepthook"},
    "places": {"co_firstlineno", "f_lineno", "tb_lineno"},
    "progress bars": {"desc", "format_dict"},
    "log lines and warnings": {"addHandler", "showwarning"},
}
# What it does with them reaches no result.
SEES = {"ecslm/common/logs.py"}


@pytest.mark.parametrize("kind", UNSEEN)
def test_nothing_reads_what_the_digest_leaves_out(kind: str) -> None:
    for path in filter(is_checked, python_files()):
        if below(path) not in SEES:
            tree = ast.parse(path.read_text(encoding="utf-8"))
            nodes = [node for node in ast.walk(tree) if isinstance(node, ast.Attribute)]
            # `log.exception` is a log line.
            names = {node.attr for node in nodes if not ast.unparse(node).startswith("log.")}
            assert not UNSEEN[kind] & names, path


def test_warnings_are_neither_collected_nor_errors() -> None:
    for path in python_files():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                name = ast.unparse(node.func)
                assert not name.endswith("catch_warnings") or not node.keywords, path
                if name.endswith(("simplefilter", "filterwarnings")):
                    assert ast.unparse(node.args[0]) == "'ignore'", path


def test_errors_whose_words_do_not_count_are_raised_where_they_are_made() -> None:
    for path in filter(is_checked, python_files()):
        nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
        raised = [node.exc for node in nodes if isinstance(node, ast.Raise)]
        for node in nodes:
            if isinstance(node, ast.Call) and ast.unparse(node.func) in WORDED:
                assert node in raised, f"{path}: {ast.unparse(node)}"


def test_modules_loaded_by_a_name_made_at_run_time_are_added_to_the_digest_by_their_rules() -> None:
    found = set()
    for path in filter(is_checked, python_files()):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module"):
                name = node.args[0]
                if not (isinstance(name, ast.Constant) and str(name.value).startswith("ecslm.")):
                    found.add(below(path))
    assert found == set(LOADED_BY_NAME)
    for where in LOADED_BY_NAME.values():
        module = next(m for m in imported_modules_of_the_plan() if where.startswith(f"{m}."))
        scope: object = importlib.import_module(module)
        for name in where.removeprefix(f"{module}.").split("."):
            scope = getattr(scope, name)


def imported_modules_of_the_plan() -> set[str]:
    return {module for module in imported_modules("adopt.py") if "plan.stages." in module}


def test_files_beside_code_are_read_only_where_no_result_depends_on_them() -> None:
    found = {below(path) for path in python_files() if uses_its_path(path)}
    assert found == set(FILES_BESIDE)


def uses_its_path(path: Path) -> bool:
    """Whether a file names its own path, but for the comparison of its code with the plan's."""
    calls = re.compile(r"as_planned\(main, __file__\b")
    return "__file__" in calls.sub("", path.read_text(encoding="utf-8"))


def test_no_module_takes_the_place_of_a_library() -> None:
    libraries = sys.stdlib_module_names | metadata.packages_distributions().keys()
    own = {path.stem for path in SCRIPTS.iterdir() if not path.name.startswith("__")}
    assert own & (libraries - {"ecslm"}) == set()


def test_imports_are_absolute_and_by_name() -> None:
    for path in python_files():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom):
                assert node.level == 0, path
                assert "*" not in {alias.name for alias in node.names}, path


def test_packages_hold_a_docstring_and_nothing_else() -> None:
    packages = [path for path in python_files() if path.name == "__init__.py"]
    assert len(packages) >= 9
    for path in packages:
        (only,) = ast.parse(path.read_text(encoding="utf-8")).body
        assert isinstance(only, ast.Expr), path
        assert isinstance(only.value, ast.Constant), path
        assert isinstance(only.value.value, str), path


def rules_text() -> dict[str, str]:
    paths = [ROOT / "Snakefile", *sorted((ROOT / "rules").glob("*.smk"))]
    return {path.name: path.read_text(encoding="utf-8") for path in paths}


def test_rules_run_shell_commands_and_never_script_or_run_blocks() -> None:
    texts = rules_text()
    assert len(texts) >= 8
    banned = re.compile(
        r"^\s*(script|run|notebook|wrapper|template_engine|cache)\s*:", re.MULTILINE
    )
    assert {name for name, text in texts.items() if banned.search(text)} == set()


def test_every_rule_that_runs_a_script_says_its_digest() -> None:
    for name, text in rules_text().items():
        for rule in re.split(r"^(?=rule |on\w+:)", text, flags=re.MULTILINE):
            if "scripts/" in rule and rule.startswith("rule "):
                assert "code=" in rule, f"{name}: {rule.splitlines()[0]}"
