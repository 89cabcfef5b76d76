"""Digests of the code that a script can reach: of definitions, not of files.

A rule passes the digest of its script as a parameter, so that Snakemake reruns a job when the code
that makes its output changes, and only then. From the script's own statements on, a definition at
the top of a module (a function, a class, a constant) counts if one that counts names it. It is
written as its syntax tree, without layout and words for people, and with a number in place of each
definition that it names: these are numbered in the order in which they are found, so that what one
is called and where it stands does not matter.

What cannot be followed like this is forbidden in our code, by tests.
"""

# ruff: noqa: N802 - methods are named after the nodes that they write

import ast
import gc
import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from ecslm.fingerprint import known

SCRIPTS = Path(__file__).resolve().parents[2]
LENGTH = 32
# Instead of the name of a definition: what else a module executes, and all that it defines.
STATEMENTS, WHOLE = "", "*"
LAYOUT = frozenset({"ctx", "kind", "type_comment"})
# Fields of a statement that hold others.
BLOCKS = frozenset({"body", "orelse", "finalbody", "handlers", "cases"})
# What a module calls its logger, and nothing else: a test looks.
LOGGER = "log"
ACTS = (ast.Call, ast.Await, ast.NamedExpr, ast.Yield, ast.YieldFrom)


class Node(NamedTuple):
    """A definition, by its module and its name there."""

    module: str
    name: str


class Part(NamedTuple):
    """The digest of a definition's text, and what it refers to, in the order of first use."""

    text: str
    targets: tuple[Node, ...]


class Module:
    """What a file defines."""

    def __init__(self, name: str, path: Path, source: bytes) -> None:
        """
        Raises:
            SyntaxError: the source is not Python.
        """
        self.name = name
        # By the name that it binds: a module, and what is imported of it, empty for the module
        # itself. Also those of functions: no name of a module is bound twice.
        self.imports: dict[str, tuple[str, str]] = {}
        # By the names that they bind; under STATEMENTS what else it executes.
        self.statements: dict[str, list[ast.stmt]] = {}
        statements = ast.parse(source, path).body
        self._add_imports(statements)
        for statement in statements:
            match statement:
                case ast.If(test=ast.Name(id="TYPE_CHECKING"), orelse=others):
                    statements += others
                    continue
                case ast.Import() | ast.ImportFrom() | ast.Expr(value=ast.Constant()):
                    continue
                case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                    names = [statement.name]
                case ast.Assign(targets=targets):
                    names = [name for target in targets for name in _assigned(target)]
                case ast.AnnAssign(target=target):
                    names = _assigned(target)
                case _:
                    names = []
            for bound in names or [STATEMENTS]:
                self.statements.setdefault(bound, []).append(statement)

    def _add_imports(self, statements: Iterable[ast.AST]) -> None:
        for statement in statements:
            if isinstance(statement, ast.ImportFrom):
                for alias in statement.names:
                    self.imports[alias.asname or alias.name] = str(statement.module), alias.name
            elif isinstance(statement, ast.Import):
                for alias in statement.names:
                    whole = alias.name if alias.asname else alias.name.split(".")[0]
                    self.imports[alias.asname or whole] = whole, ""
            else:
                for block in BLOCKS.intersection(statement._fields):
                    self._add_imports(getattr(statement, block))


class Code:
    """The scripts and modules of a folder, each read once, when it is first needed."""

    def __init__(self, root: Path) -> None:
        self._root = root
        # The script and modules of each digest that was computed.
        self.digested: dict[str, tuple[str, tuple[str, ...]]] = {}

    @cache  # noqa: B019 - one instance a process
    def digest(self, script: str, modules: tuple[str, ...] = ()) -> str:
        """The digest of what a script, and modules that it loads by name, can reach."""
        parts = self.reached(script, modules)
        numbers = {node: str(number) for number, node in enumerate(parts)}
        lines = [str(len(modules))]
        for part in parts.values():
            lines.append(" ".join((part.text, *(numbers[node] for node in part.targets))))
        digest = _sha256("\n".join(lines))[:LENGTH]
        self.digested[digest] = script, modules
        return digest

    def definitions(self, script: str, modules: Sequence[str] = ()) -> dict[str, dict[str, str]]:
        """What a script's digest is made of: by module, digests of its definitions, each for
        itself, with the names of what it refers to.

        What else a module executes stands under an empty name.

        Raises:
            ModuleNotFoundError: a file is missing.
            SyntaxError: one is not Python.
        """
        found: dict[str, dict[str, str]] = {}
        for node, part in sorted(self.reached(script, modules).items()):
            if node.name != WHOLE:
                named = "\n".join((part.text, *(target.name for target in part.targets)))
                found.setdefault(node.module, {})[node.name] = _sha256(named)[:12]
        return found

    def reached(self, script: str, modules: Sequence[str] = ()) -> dict[Node, Part]:
        """What a script, and modules that it loads by name, can reach, in the order of finding."""
        found: dict[Node, Part] = {}
        waiting = [Node(script, STATEMENTS), *(Node(name, WHOLE) for name in modules)]
        # Syntax trees are many objects, but no garbage: to look for it takes most of the time.
        gc.disable()
        for node in waiting:
            if node not in found:
                found[node] = self._part(node)
                waiting += found[node].targets
        gc.freeze()
        gc.enable()
        return found

    @cache  # noqa: B019 - one instance a process
    def path(self, name: str) -> Path | None:
        """The file of a script or module or, if that is all it has, the folder."""
        stem = self._root / (name if name.endswith(".py") else name.replace(".", "/"))
        tried = (stem / "__init__.py", stem.with_suffix(".py"), stem)
        return next((path for path in tried if path.exists()), None)

    def _is_package(self, name: str) -> bool:
        path = self.path(name)
        return path is not None and (path.stem == "__init__" or path.suffix != ".py")

    def resolved(self, module: str, *names: str) -> tuple[Node | None, str]:
        """What names in a module lead to, through the modules that import it themselves: a
        definition and the attributes that follow, or the full name of something else."""
        rest = list(filter(None, names))
        own = self.path(module.split(".")[0]) is not None
        while rest and own and self._is_package(module) and self.path(f"{module}.{rest[0]}"):
            module = f"{module}.{rest.pop(0)}"
        if own and not left_out(module):
            if not rest:
                return Node(module, WHOLE), ""
            home, first = self.module(module), rest[0]
            if first in home.imports:
                return self.resolved(*home.imports[first], *rest[1:])
            if first in home.statements:
                return Node(module, first), "".join(f".{name}" for name in rest[1:])
        return None, ".".join((module, *rest))

    @cache  # noqa: B019 - one instance a process
    def module(self, name: str) -> Module:
        """What a script or module defines.

        Raises:
            ModuleNotFoundError: it is missing.
            SyntaxError: it is not Python.
        """
        if (path := self.path(name)) is None:
            raise ModuleNotFoundError(f"{self._root}: no {name}")
        return Module(name, path, self.source(path))

    @cache  # noqa: B019 - one instance a process
    def source(self, path: Path) -> bytes:
        """What a file says, or said when it was first read; a folder says nothing."""
        return b"" if path.is_dir() else path.read_bytes()

    @cache  # noqa: B019 - one instance a process
    def _part(self, node: Node) -> Part:
        module = self.module(node.module)
        writer = Writer(self, module)
        text = writer.definition(node.name)
        targets = list(writer.numbers)
        if STATEMENTS in module.statements and node.name != STATEMENTS:
            targets.append(Node(node.module, STATEMENTS))
        return Part(_sha256(text), tuple(targets))


class Writer:
    """Writes a definition: equal in all versions of Python that the project may run with."""

    def __init__(self, code: Code, module: Module) -> None:
        self._code, self._module = code, module
        # What was referred to, in the order of first use.
        self.numbers: dict[Node, int] = {}
        # Whether what is written has annotations that may be read, or is what an error says.
        self._annotated = self._in_words = False

    def definition(self, name: str) -> str:
        """Write a definition of the module, without its name; that of a class is seen in results.

        Several statements that bind one name are one definition.
        """
        module = self._module
        if name == WHOLE:
            # As it may be found at run time, by its name.
            public = sorted({*module.imports, *module.statements} - {STATEMENTS, LOGGER})
            found = {one: self._code.resolved(module.name, one)[0] for one in public}
            return "".join(
                f"{one}={self._reference(node, '')}"
                for one, node in found.items()
                if node and node.name != WHOLE and not one.startswith("_")
            )
        return ";".join(self._statement(name, one) for one in module.statements.get(name, ()))

    def _statement(self, name: str, statement: ast.stmt) -> str:
        match statement:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                return self._FunctionDef(statement, "name")
            case ast.Assign(targets=[ast.Name()], value=value):
                return self._text(value)
            case ast.AnnAssign(target=ast.Name(), value=ast.expr() as value):
                return self._text(value)
        return f"{name}:{self._text(statement)}"

    def _text(self, value: object) -> str:
        """Write a node, a list of them, or another value of a field; empty if it does nothing."""
        return _writing(type(value).__name__)(self, value)

    def _list(self, values: list[ast.AST | None]) -> str:
        # Statements that do nothing are left out; a default value that is not there is none.
        written = ("~" if one is None else self._text(one) for one in values)
        return ",".join(filter(None, written))

    def _node(self, node: ast.AST, *skipped: str) -> str:
        """Write a node of which all fields count but those that are empty or do nothing."""
        fields = []
        for name in _counting(node._fields, skipped):
            if text := self._text(getattr(node, name, None)):
                fields.append(f"{name}={text}")
        return f"{type(node).__name__}({' '.join(fields)})"

    # Names

    def _name(self, first: str, *rest: str) -> str:
        module, whole = self._module, ".".join((first, *rest))
        if first == LOGGER or not (first in module.imports or first in module.statements):
            return whole
        return self._reference(*self._code.resolved(module.name, first, *rest))

    def _reference(self, node: Node | None, label: str) -> str:
        number = "~" if node is None else self.numbers.setdefault(node, len(self.numbers))
        return f"@{number}{label} "

    def _Name(self, node: ast.Name) -> str:
        return self._name(node.id) if isinstance(node.ctx, ast.Load) else node.id

    def _Attribute(self, node: ast.Attribute) -> str:
        if names := _chain(node):
            return self._name(*names)
        return f"{self._text(node.value)}.{node.attr}"

    # Expressions

    def _Constant(self, node: ast.Constant) -> str:
        return "" if self._in_words and isinstance(node.value, str) else ascii(node.value)

    def _JoinedStr(self, node: ast.JoinedStr) -> str:
        """Texts that stand beside each other are one, whatever Python made of them."""
        text = ""
        for one in node.values:
            if not isinstance(one, ast.Constant):
                text += f"\n{self._text(one)}\n"
            elif not self._in_words:
                text += json.dumps(one.value)[1:-1]
        return f"f({text})"

    # Statements

    def _FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef, *skipped: str) -> str:
        """Write a function; its annotations may be read by its decorators alone."""
        before, self._annotated = self._annotated, bool(node.decorator_list)
        text = self._node(node, *skipped, *(() if self._annotated else ("returns",)))
        self._annotated = before
        return text

    _AsyncFunctionDef = _FunctionDef

    def _arg(self, node: ast.arg) -> str:
        return self._node(node, *(() if self._annotated else ("annotation",)))

    def _Expr(self, node: ast.Expr) -> str:
        """Bare values do nothing, nor do log lines and warnings whose arguments call nothing."""
        if isinstance(node.value, ast.Constant) or self._is_logged(node.value):
            return ""
        return f"do {self._text(node.value)}"

    def _is_logged(self, node: ast.expr) -> bool:
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr=attribute)) if (
                name == LOGGER and attribute in known.LEVELS
            ) or (name, attribute) == ("warnings", "warn"):
                return sum(isinstance(one, ACTS) for one in ast.walk(node)) == 1
        return False

    def _Raise(self, node: ast.Raise) -> str:
        match node.exc:
            case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)):
                self._in_words = name in known.ERRORS
        text = self._node(node)
        self._in_words = False
        return text

    def _Pass(self, _node: ast.AST) -> str:
        """Write nothing: imported names are followed where they are used."""
        return ""

    _Import = _ImportFrom = _NoneType = _Pass


@cache
def _writing(kind: str) -> Callable[[Writer, Any], str]:
    """What writes values of a type, by its name."""
    otherwise = Writer._node if hasattr(ast, kind) else lambda _writer, value: ascii(value)
    return getattr(Writer, f"_{kind}", otherwise)


@cache
def _counting(fields: tuple[str, ...], skipped: tuple[str, ...]) -> tuple[str, ...]:
    """The fields of a node that are written."""
    return tuple(name for name in fields if name not in (*LAYOUT, *skipped))


def _assigned(target: ast.expr) -> list[str]:
    """The names that are assigned to."""
    names = [one for one in ast.walk(target) if isinstance(one, ast.Name)]
    return [one.id for one in names if not isinstance(one.ctx, ast.Load)]


def _chain(node: ast.AST) -> list[str]:
    """The names of `a.b.c`; empty for anything else."""
    if isinstance(node, ast.Name):
        return [node.id]
    if isinstance(node, ast.Attribute) and (above := _chain(node.value)):
        return [*above, node.attr]
    return []


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@cache
def left_out(module: str) -> bool:
    """Whether a module is one of those that reach no result."""
    return any(module == name or module.startswith(f"{name}.") for name in known.LEFT_OUT)


@cache
def code_of(root: Path) -> Code:
    """The code below a folder, read once a process; after `code_of.cache_clear()`, as it is then.

    Scripts share what they reach.
    """
    return Code(root)
