"""Which modules of the project code imports, whatever it uses of them."""

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path

from support.project import SCRIPTS


def imported_modules(script: str, modules: Iterable[str] = (), root: Path = SCRIPTS) -> set[str]:
    """Names of all modules that files import, directly or not, with their packages: those of a
    script, and of modules that it loads by name."""
    found: set[str] = set()
    waiting = [*modules, *_imports(root, root / script)]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += _imports(root, _file(root, name))
    return found


def _imports(root: Path, file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        for parts in (name.split(".") for name in names):
            above = (".".join(parts[: depth + 1]) for depth in range(len(parts)))
            yield from (name for name in above if _file(root, name).exists())


def _file(root: Path, name: str) -> Path:
    stem = root / name.replace(".", "/")
    return stem / "__init__.py" if stem.is_dir() else stem.with_suffix(".py")
