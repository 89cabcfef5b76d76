"""Digests of code: blind to words and layout, alert to logic; and what jobs may import."""

import ast
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from ecslm.common.errors import InputError
from ecslm.fingerprint.digest import SCRIPTS, code_digest, imported_modules
from ecslm.schemas.task import METRICS, TaskSettings

ROOT = SCRIPTS.parent

TREE = {
    "job.py": '''"""What the job does."""

import argparse

from ecslm.work import run


def main() -> None:
    """Parse and run."""
    print(run(2))


main()
''',
    "other.py": 'from ecslm.shapes import circle\n\nprint(circle.area(2), "r")\n',
    "ecslm/__init__.py": '"""The library."""\n',
    "ecslm/work.py": '''"""Work."""

import logging

from ecslm.shapes import circle

log = logging.getLogger(__name__)


def run(size: int) -> float:
    """One piece of work."""
    log.info("size %d", size)
    for step in range(size):
        size += step
    return circle.area(size)
''',
    "ecslm/shapes/__init__.py": '"""Shapes."""\n',
    "ecslm/shapes/circle.py": '''"""Circles."""


def area(r: float) -> float:
    return 3.14 * r
''',
    "ecslm/shapes/square.py": '''"""Squares."""


def area(r: float) -> float:
    return r * r
''',
    "ecslm/unused.py": "X = 1\n",
}

Edit = tuple[str, str, str]
Make = Callable[..., Path]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Makes the tree in a folder of its own, with edits (file, old text, new text)."""

    def tree(*edits: Edit) -> Path:
        root = tmp_path / str(len(list(tmp_path.iterdir())))
        contents = dict(TREE)
        for name, old, new in edits:
            assert contents[name].count(old) == 1
            contents[name] = contents[name].replace(old, new)
        for name, text in contents.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return root

    return tree


def digest(root: Path, script: str = "job.py", *modules: str) -> str:
    return code_digest(script, modules, root)


WORK = "ecslm/work.py"
CIRCLE = "ecslm/shapes/circle.py"
LOG_LINE = '    log.info("size %d", size)\n'

WORDS: dict[str, Edit] = {
    "a comment": (WORK, "    return", "    # Of a circle.\n    return"),
    "a script's docstring": ("job.py", "What the job does.", "What it does."),
    "a module's docstring": (WORK, '"""Work."""', '"""Hard work."""'),
    "a function's docstring": (WORK, '    """One piece of work."""\n', ""),
    "a package's docstring": ("ecslm/shapes/__init__.py", "Shapes.", "Plane shapes."),
    "a blank line": (CIRCLE, "\n\n\n", "\n\n\n\n\n"),
    "the layout of an expression": (CIRCLE, "3.14 * r", "(\n        3.14\n        * r\n    )"),
    "the quotes of a string": ("other.py", '"r"', "'r'"),
    "the spaces in a statement": ("job.py", "import argparse", "import   argparse"),
    "a log line's text": (WORK, '"size %d"', '"the size is %d"'),
    "a log line's level": (WORK, "log.info", "log.warning"),
    "a removed log line": (WORK, LOG_LINE, ""),
    "a new log line in a loop": (
        WORK,
        "        size += step",
        "        log.debug(1)\n        size += step",
    ),
    "a warning": (WORK, LOG_LINE, f'{LOG_LINE}    warnings.warn("large", stacklevel=2)\n'),
    "an import of warnings": (WORK, "import logging\n", "import logging\nimport warnings\n"),
    "a module that nothing imports": ("ecslm/unused.py", "1", "2"),
    "a sibling that nothing imports": ("ecslm/shapes/square.py", "r * r", "r ** 2"),
}

LOGIC: dict[str, Edit] = {
    "the script": ("job.py", "run(2)", "run(3)"),
    "an imported module": (WORK, "size += step", "size -= step"),
    "a module imported by an imported one": (CIRCLE, "3.14", "3.1416"),
    "a package's __init__": ("ecslm/shapes/__init__.py", "\n", "\nSIDES = 4\n"),
    "the library's __init__": ("ecslm/__init__.py", "\n", "\nVERSION = 2\n"),
    "a default": (CIRCLE, "r: float)", "r: float = 1.0)"),
    "a variable called log that is no logger": (WORK, LOG_LINE, "    log = size\n    size = log\n"),
    "an append to a list called log": (WORK, LOG_LINE, "    log.append(size)\n"),
    "a print": (WORK, LOG_LINE, "    print(size)\n"),
    "an import of another module": (WORK, "import circle", "import circle, square"),
}


@pytest.mark.parametrize("what", WORDS)
def test_the_digest_is_blind_to(what: str, make: Make) -> None:
    before, after = make(), make(WORDS[what])
    for script in ("job.py", "other.py"):
        assert digest(after, script) == digest(before, script)


@pytest.mark.parametrize("what", LOGIC)
def test_the_digest_tells_a_change_of(what: str, make: Make) -> None:
    assert digest(make(LOGIC[what])) != digest(make())


def test_a_module_without_any_logging_has_the_digest_of_one_with(make: Make) -> None:
    without = make(
        (WORK, "import logging\n\n", ""),
        (WORK, "log = logging.getLogger(__name__)\n\n\n", "\n"),
        (WORK, LOG_LINE, ""),
    )
    assert "log" not in (without / WORK).read_text()
    assert digest(without) == digest(make())


def test_a_block_of_nothing_but_words_is_as_good_as_pass(make: Make) -> None:
    block = "    if size > 9:\n        {}\n"
    logs = make((WORK, LOG_LINE, block.format('log.info("large")')))
    passes = make((WORK, LOG_LINE, block.format("pass")))
    raises = make((WORK, LOG_LINE, block.format("raise ValueError")))
    assert digest(logs) == digest(passes) != digest(raises)


def test_the_digest_does_not_depend_on_where_the_project_lies(make: Make) -> None:
    assert digest(make()) == digest(make())


def test_imports_are_followed_with_their_packages(make: Make) -> None:
    assert imported_modules("job.py", (), make()) == {
        "ecslm",
        "ecslm.shapes",
        "ecslm.shapes.circle",
        "ecslm.work",
    }


def test_an_import_inside_a_function_counts(make: Make) -> None:
    late = make((CIRCLE, "    return", "    from ecslm import unused\n\n    return"))
    assert "ecslm.unused" in imported_modules("job.py", (), late)
    plain = make((CIRCLE, "    return", "    import ecslm.unused as u\n\n    return"))
    assert "ecslm.unused" in imported_modules("job.py", (), plain)


def test_modules_that_import_each_other_are_followed_once(make: Make) -> None:
    circle = make((CIRCLE, '"""Circles."""\n', "import ecslm.work\n"))
    assert "ecslm.work" in imported_modules("other.py", (), circle)


def test_a_module_loaded_by_name_counts_only_where_it_is_given(make: Make) -> None:
    before = make()
    after = make(("ecslm/shapes/square.py", "r * r", "r + r"))
    square = "ecslm.shapes.square"
    assert digest(before) == digest(after)
    assert digest(before, "job.py", square) != digest(after, "job.py", square)
    assert square in imported_modules("job.py", (square,), before)


def test_an_edit_changes_only_scripts_that_import_it(make: Make) -> None:
    before, after = make(), make(LOGIC["an imported module"])
    assert digest(before, "other.py") == digest(after, "other.py")
    assert digest(before, "job.py") != digest(after, "job.py")


def test_a_missing_module_is_named(make: Make) -> None:
    root = make(("job.py", "ecslm.work", "ecslm.wrok"))
    with pytest.raises(InputError) as caught:
        digest(root)
    assert caught.value.problems == (
        f"{root / 'ecslm/wrok.py'}: no such file: its code digest cannot be computed",
    )


def test_a_syntax_error_is_named_with_its_line(make: Make) -> None:
    root = make((WORK, "for step in range(size):", "for step in range(size)"))
    with pytest.raises(InputError) as caught:
        digest(root)
    (problem,) = caught.value.problems
    assert problem.startswith(f"{root / WORK}: line 13: not Python (")


# The project itself.


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
    before, after = copied(edited, "\ndef ", "\nEDITED = 1\n\n\ndef ")
    one, two = score_digests(before), score_digests(after)
    assert {code for code in one if one[code] != two[code]} == tasks
    for script in ("train_adapter.py", "predict.py", "bertscore.py", "dataset.py"):
        assert code_digest(script, (), before) == code_digest(script, (), after)


def test_an_edit_of_training_code_concerns_the_adapters_alone(copied: Copied) -> None:
    before, after = copied("ecslm/training/loss.py", "\ndef ", "\nEDITED = 1\n\n\ndef ")
    changed = {
        path.name
        for path in SCRIPTS.glob("*.py")
        if code_digest(path.name, (), before) != code_digest(path.name, (), after)
    }
    assert changed == {"train_adapter.py"}


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
    [("train_adapter.py", []), ("predict.py", ["ecslm.prediction.transformers_backend"])],
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


def test_imports_are_absolute_so_that_the_digest_follows_them() -> None:
    relative = [
        path
        for path in python_files()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and node.level
    ]
    assert relative == []


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
