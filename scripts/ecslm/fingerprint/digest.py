"""Digests of the code that a script runs, independent of comments, layout and log lines.

A rule passes the digest of its script as a parameter, so that Snakemake reruns a job when the code
that makes its output changes, and only then.
"""

import ast
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import NamedTuple

from ecslm.common.errors import InputError
from ecslm.common.hashing import canonical_json, sha256_of_text

SCRIPTS = Path(__file__).resolve().parents[2]
PACKAGE = "ecslm"
# Computes and compares digests, for any script: no result depends on it.
OWN_PACKAGE = f"{PACKAGE}.fingerprint"


@cache
def code_digest(script: str, modules: tuple[str, ...] = (), root: Path = SCRIPTS) -> str:
    """Digest of a script and of every project module that it imports, directly or not.

    Args:
        script: file name under `root`, for example `score.py`.
        modules: further modules, loaded by name, for example `ecslm.scoring.metrics.ndcg`.

    Raises:
        InputError: a file is missing or is not Python.
    """
    return sha256_of_text(canonical_json(module_digests(script, modules, root)))[:32]


def module_digests(
    script: str, modules: tuple[str, ...] = (), root: Path = SCRIPTS
) -> dict[str, str]:
    """The parts of `code_digest`: the digest of the script and of each project module."""
    digests = {script: _read(root / script, root).digest}
    for module in sorted(imported_modules(script, modules, root)):
        digests[module] = _read(_module_path(module, root), root).digest
    return digests


def imported_modules(script: str, modules: Iterable[str] = (), root: Path = SCRIPTS) -> set[str]:
    """Names of the project modules that `script` and `modules` import, directly or not."""
    found: set[str] = set()
    waiting = [*modules, *_read(root / script, root).imports]
    while waiting:
        module = waiting.pop()
        if module not in found:
            found.add(module)
            waiting += _read(_module_path(module, root), root).imports
    return found


def _module_path(module: str, root: Path) -> Path:
    stem = root.joinpath(*module.split("."))
    package = stem / "__init__.py"
    return package if package.is_file() else stem.with_suffix(".py")


def _parse(path: Path) -> ast.Module:
    try:
        return ast.parse(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path}: no such file: its code digest cannot be computed") from None
    except SyntaxError as error:
        raise InputError(f"{path}: line {error.lineno}: not Python ({error.msg})") from None


class _Code(NamedTuple):
    """The project modules that a file imports, with their packages, and the digest of its code."""

    imports: tuple[str, ...]
    digest: str


@cache
def _read(path: Path, root: Path) -> _Code:
    """Parse a file, once for all scripts that import it."""
    tree = _parse(path)
    imports = _imports(tree, root)
    # `ast.unparse` rather than `ast.dump`, whose form differs between Python versions.
    code = ast.unparse(_WithoutWords().visit(tree))
    return _Code(imports, sha256_of_text(code)[:32])


def _imports(tree: ast.Module, root: Path) -> tuple[str, ...]:
    """Project modules named by import statements anywhere in a file, with their packages."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module)
            # `from package import module` imports a module too.
            names |= {
                f"{node.module}.{alias.name}"
                for alias in node.names
                if _module_path(f"{node.module}.{alias.name}", root).is_file()
            }
    project = {
        name
        for name in names
        if name.split(".")[0] == PACKAGE and not f"{name}.".startswith(f"{OWN_PACKAGE}.")
    }
    packages = {
        ".".join(name.split(".")[:depth])
        for name in project
        for depth in range(1, name.count(".") + 1)
    }
    return tuple(sorted(project | packages))


LOGGER = "logging.getLogger("
LOG_CALLS = frozenset(
    f"log.{level}" for level in ("debug", "info", "warning", "error", "exception", "critical")
)


class _WithoutWords(ast.NodeTransformer):
    """Removes docstrings, log lines and warnings, and what only these need."""

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        """Statements that are a bare string or a log or warning call."""
        value = node.value
        if isinstance(value, ast.Constant) and isinstance(value.value, str):
            return None
        if isinstance(value, ast.Call):
            called = ast.unparse(value.func)
            if called in LOG_CALLS or called == "warnings.warn":
                return None
        return node

    def visit_Import(self, node: ast.Import) -> ast.AST | None:
        """`import logging` and `import warnings`."""
        node.names = [alias for alias in node.names if alias.name not in ("logging", "warnings")]
        return node if node.names else None

    def visit_Assign(self, node: ast.Assign) -> ast.AST | None:
        """`log = logging.getLogger(...)`."""
        logger = ast.unparse(node.value).startswith(LOGGER)
        return None if logger and ast.unparse(node.targets[0]) == "log" else node

    def generic_visit(self, node: ast.AST) -> ast.AST:
        """Keep blocks valid: an empty one gets `pass`."""
        super().generic_visit(node)
        if getattr(node, "body", None) == [] and not isinstance(node, ast.Module):
            node.body = [ast.Pass()]  # type: ignore[attr-defined]
        return node
