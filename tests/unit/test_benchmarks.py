"""Benchmarks run seldom; what they import of the library is there all the same."""

import ast
from pathlib import Path

import pytest
from support.project import ROOT, SCRIPTS

BENCHMARKS = sorted((ROOT / "benchmarks").glob("*.py"))


def module_path(name: str) -> Path:
    stem = SCRIPTS.joinpath(*name.split("."))
    return stem / "__init__.py" if stem.is_dir() else stem.with_suffix(".py")


def names_of(path: Path) -> set[str]:
    """What a module defines or imports at its top."""
    names: set[str] = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            names.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names |= {alias.asname or alias.name for alias in node.names}
        else:
            targets = ast.walk(node)
            names |= {one.id for one in targets if isinstance(one, ast.Name)}
    return names


@pytest.mark.parametrize("path", BENCHMARKS, ids=lambda path: path.name)
def test_what_a_benchmark_imports_of_the_library_exists(path: Path) -> None:
    missing = [
        f"{node.module}.{alias.name}"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("ecslm")
        for alias in node.names
        if not module_path(f"{node.module}.{alias.name}").is_file()
        and alias.name not in names_of(module_path(str(node.module)))
    ]
    assert missing == []
