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
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import NamedTuple

from ecslm.common.errors import InputError
from ecslm.fingerprint import known

SCRIPTS = Path(__file__).resolve().parents[2]
LENGTH = 32
LENGTH_OF_PARTS = 12
# By names that are bound: modules, and what is imported of each, None for the module itself.
Imports = dict[str, set[tuple[str, str | None]]]
# Instead of the name of a definition: what else a module executes, and all that it defines.
STATEMENTS, WHOLE = "", "*"
LAYOUT = frozenset({"ctx", "kind", "type_comment"})
BLOCKS = frozenset({"body", "finalbody", "orelse"})
ACTS = (ast.Call, ast.Await, ast.NamedExpr, ast.Yield, ast.YieldFrom)


class Node(NamedTuple):
    """A definition, by its module and its name there."""

    module: str
    name: str


class Part(NamedTuple):
    """The digest of a definition's text, what it refers to, and a digest with the names of that."""

    text: str
    targets: tuple[Node, ...]
    named: str


class Module:
    """What a file defines."""

    def __init__(self, name: str, path: Path, source: bytes) -> None:
        """
        Raises:
            InputError: the source is not Python.
        """
        self.name = name
        self.imports: Imports = {}
        # By the names that they bind.
        self.statements: dict[str, list[ast.stmt]] = {}
        self.others: list[ast.stmt] = []
        self.imports_inside = bool(re.search(rb"^[ \t]+(?:import|from)\s", source, re.MULTILINE))
        try:
            statements = ast.parse(source).body
        except SyntaxError as error:
            raise InputError(f"{path}: line {error.lineno}: not Python ({error.msg})") from None
        for statement in statements:
            match statement:
                case ast.Import() | ast.ImportFrom():
                    add_imports(self.imports, statement)
                    continue
                case ast.If(test=ast.Name(id="TYPE_CHECKING"), orelse=others):
                    statements += others
                    continue
                case ast.Expr(value=ast.Constant()):
                    continue
                case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                    names = {statement.name}
                case ast.Assign(targets=targets):
                    names = _assigned(*targets)
                case ast.AnnAssign(target=target) | ast.AugAssign(target=target):
                    names = _assigned(target)
                case _:
                    names = _assigned(statement)
                    self.others.append(statement)
            for bound in names:
                self.statements.setdefault(bound, []).append(statement)
        # Known by its call.
        loggers = self.statements.get("log", ())
        self.logger = {"log"} if any("getLogger" in ast.unparse(one) for one in loggers) else set()


class Code:
    """The scripts and modules of a folder, each read once, when it is first needed."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._sources: dict[Path, bytes] = {}
        self._paths: dict[str, Path | None] = {}
        self._modules: dict[str, Module] = {}
        self._parts: dict[Node, Part] = {}
        self.digests: dict[tuple[str, tuple[str, ...]], str] = {}

    def read_all(self) -> Mapping[Path, bytes]:
        """Read all Python files, which are from then on what they are now."""
        for path in self._root.rglob("*.py"):
            # Not an editor's lock file, which is a link to nothing.
            with suppress(OSError):
                self._source(path)
        return self._sources

    def digest(self, script: str, modules: tuple[str, ...] = ()) -> str:
        """The digest of what a script, and modules that it loads by name, can reach."""
        key = script, modules
        if key not in self.digests:
            parts = self.reached(script, modules)
            numbers = {node: str(number) for number, node in enumerate(parts)}
            lines = [str(len(modules))]
            for part in parts.values():
                lines.append(" ".join((part.text, *(numbers[node] for node in part.targets))))
            self.digests[key] = _sha256("\n".join(lines))[:LENGTH]
        return self.digests[key]

    def reached(self, script: str, modules: Sequence[str] = ()) -> dict[Node, Part]:
        """What a script, and modules that it loads by name, can reach, in the order of finding."""
        found: dict[Node, Part] = {}
        waiting = [Node(script, STATEMENTS), *(Node(name, WHOLE) for name in modules)]
        # Syntax trees are many objects, but no garbage: to look for it takes most of the time.
        gc.disable()
        try:
            for node in waiting:
                if node not in found:
                    found[node] = self._part(node)
                    waiting += found[node].targets
        finally:
            gc.freeze()
            gc.enable()
        return found

    def path(self, name: str) -> Path | None:
        """The file of a script or module or, if that is all it has, the folder."""
        if name not in self._paths:
            stem = self._root / (name if name.endswith(".py") else name.replace(".", "/"))
            tried = (stem / "__init__.py", stem.with_suffix(".py"), stem)
            self._paths[name] = next((path for path in tried if path.exists()), None)
        return self._paths[name]

    def resolved(self, module: str, *names: str | None) -> Iterator[tuple[Node | None, str]]:
        """What names in a module lead to, through the modules that import it themselves: a
        definition and the attributes that follow, or the full name of something else."""
        rest = [name for name in names if name]
        own = self.path(module.split(".")[0]) is not None
        while rest and own and self.path(f"{module}.{rest[0]}"):
            module = f"{module}.{rest.pop(0)}"
        if not own or left_out(module):
            yield None, ".".join((module, *rest))
        elif not rest:
            yield Node(module, WHOLE), ""
        else:
            home, first = self._module(module), rest[0]
            for again in sorted(home.imports.get(first, ()), key=str):
                yield from self.resolved(*again, *rest[1:])
            if first in home.statements:
                yield Node(module, first), "".join(f".{name}" for name in rest[1:])
            elif first not in home.imports:
                yield None, ".".join((module, *rest))

    def _module(self, name: str) -> Module:
        if name not in self._modules:
            path = self.path(name)
            if path is None:
                path = self._root / f"{name.replace('.', '/')}.py"
                raise InputError(f"{path}: no such file: its code digest cannot be computed")
            self._modules[name] = Module(name, path, self._source(path))
        return self._modules[name]

    def _source(self, path: Path) -> bytes:
        """What a file says, or said when it was first read; a folder says nothing."""
        if path not in self._sources:
            self._sources[path] = b"" if path.is_dir() else path.read_bytes()
        return self._sources[path]

    def _part(self, node: Node) -> Part:
        if node not in self._parts:
            module = self._module(node.module)
            writer = Writer(self, module)
            writer.definition(node.name)
            targets = list(writer.numbers)
            if module.others and node.name != STATEMENTS:
                targets.append(Node(node.module, STATEMENTS))
            text = _sha256("".join(writer.parts))
            named = _sha256("\n".join((text, *(target.name for target in writer.numbers))))
            self._parts[node] = Part(text, tuple(targets), named[:LENGTH_OF_PARTS])
        return self._parts[node]


class Writer:
    """Writes a definition: equal in all versions of Python that the project may run with."""

    def __init__(self, code: Code, module: Module) -> None:
        self._code, self._module = code, module
        self.parts: list[str] = []
        # What was referred to, in the order of first use.
        self.numbers: dict[Node, int] = {}
        # What the definition imports itself.
        self._imports: Imports = {}
        # The names that it binds otherwise. Wherever it uses one that the module binds too, both
        # may be meant; so there it is written in its place among the parts, by these numbers.
        self._bound: set[str] = set()
        self._places: list[tuple[int, str]] = []
        # Whether what is written is the body of a class, has annotations that may be read, or is
        # what an error says.
        self._in_class = self._annotated = self._in_words = False

    def definition(self, name: str) -> None:
        """Write a definition of the module, without its name; that of a class is seen in results.

        Several statements that bind one name are one definition.
        """
        module = self._module
        if name == WHOLE:
            # As it may be found at run time, by its name.
            for one in sorted({*module.imports, *module.statements} - module.logger):
                for node, _ in self._code.resolved(module.name, one):
                    if node and node.name != WHOLE and not one.startswith("_"):
                        self.parts.append(f"{one}=")
                        self._refer(node, "")
            return
        for statement in module.statements[name] if name else module.others:
            for inner in ast.walk(statement) if module.imports_inside else ():
                if isinstance(inner, ast.Import | ast.ImportFrom):
                    add_imports(self._imports, inner)
            match statement:
                case ast.FunctionDef() | ast.AsyncFunctionDef():
                    self._function(statement)
                case ast.Assign(targets=[ast.Name()], value=value):
                    self.write(value)
                case ast.AnnAssign(target=ast.Name(), value=ast.expr() as value):
                    self.write(value)
                case _:
                    self.parts.append(f"{name}:")
                    self.write(statement)
            self.parts.append(";")
        for place, one in self._places:
            if one in self._bound - {name}:
                self.parts[place] = one

    def write(self, node: ast.AST) -> None:
        """Write a node."""
        getattr(self, f"_{type(node).__name__}", self._plain)(node)

    def _plain(self, node: ast.AST) -> None:
        """Write a node of which all fields count."""
        self.parts.append(f"{type(node).__name__}(")
        for name in node._fields:
            if name not in LAYOUT:
                self._field(name, getattr(node, name, None))
        self.parts.append(")")

    def _field(self, name: str, value: object) -> None:
        """Write a field of a node, as if there were none if it is empty or does nothing."""
        if value is None:
            return
        start = len(self.parts)
        self.parts.append(f"{name}=")
        for one in value if isinstance(value, list) else [value]:
            before = len(self.parts)
            if isinstance(one, ast.AST):
                self.write(one)
            else:
                # The name of a function, an argument, a caught error, or of a part of a pattern.
                self._bound.add(str(one))
                self.parts.append(ascii(one))
            if name not in BLOCKS or len(self.parts) > before:
                self.parts.append(",")
        if len(self.parts) == start + 1:
            del self.parts[start:]

    # Names

    def _name(self, first: str, *rest: str) -> None:
        if first in self._module.logger:
            self.parts.append(".".join((first, *rest)))
            return
        found: list[tuple[Node | None, str]] = []
        for module, name in sorted(self._imports.get(first, ()), key=str):
            found += self._code.resolved(module, name, *rest)
        if first in self._module.imports or first in self._module.statements:
            found += self._code.resolved(self._module.name, first, *rest)
        if found:
            self._places.append((len(self.parts), first))
        self.parts.append("" if found else ".".join((first, *rest)))
        for node, label in found:
            self._refer(node, label)

    def _refer(self, node: Node | None, label: str) -> None:
        number = "~" if node is None else self.numbers.setdefault(node, len(self.numbers))
        self.parts.append(f"@{number}{label} ")

    def _Name(self, node: ast.Name) -> None:
        if not isinstance(node.ctx, ast.Load):
            self._bound.add(node.id)
        self._name(node.id)

    def _Attribute(self, node: ast.Attribute) -> None:
        if names := _chain(node):
            self._name(*names)
        else:
            self.write(node.value)
            self.parts.append(f".{node.attr} ")

    # Expressions

    def _Constant(self, node: ast.Constant) -> None:
        if not self._in_words or not isinstance(node.value, str):
            self.parts.append(ascii(node.value))

    def _JoinedStr(self, node: ast.JoinedStr) -> None:
        """Texts that stand beside each other are one, whatever Python made of them."""
        self.parts.append("f(")
        text = ""
        for part in (*node.values, None):
            if isinstance(part, ast.Constant):
                text += str(part.value)
                continue
            if text and not self._in_words:
                self.parts.append(ascii(text))
            self._field("value", part)
            text = ""
        self.parts.append(")")

    def _keyword(self, node: ast.keyword) -> None:
        """Write a keyword; of those of an error only `message` is words."""
        before, self._in_words = self._in_words, self._in_words and node.arg == "message"
        self.parts.append(f"{node.arg}=")
        self.write(node.value)
        self._in_words = before

    # Statements

    def _FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        self.parts.append(f"{node.name} ")
        if not self._in_class:
            self._bound.add(node.name)
        self._function(node)

    _AsyncFunctionDef = _FunctionDef

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        """Write a function without its name, and without annotations that nothing reads."""
        before = self._in_class, self._annotated
        self._in_class = False
        self._annotated = any(_last(one) in known.READING for one in node.decorator_list)
        self.parts.append(f"{type(node).__name__}(")
        self._field("decorators", node.decorator_list)
        self.write(node.args)
        self._field("returns", node.returns if self._annotated else None)
        self._field("body", node.body)
        self.parts.append(")")
        self._in_class, self._annotated = before

    def _arg(self, node: ast.arg) -> None:
        self._field("arg", node.arg)
        self._field("annotation", node.annotation if self._annotated else None)

    def _ClassDef(self, node: ast.ClassDef) -> None:
        before, self._in_class = self._in_class, True
        self._plain(node)
        self._in_class = before

    def _AnnAssign(self, node: ast.AnnAssign) -> None:
        """Annotations in classes make fields; others do nothing."""
        if self._in_class:
            self._plain(node)
        elif node.value is not None:
            self.write(ast.Assign(targets=[node.target], value=node.value))

    def _Expr(self, node: ast.Expr) -> None:
        """Bare values do nothing, nor do log lines and warnings whose arguments call nothing."""
        if not isinstance(node.value, ast.Constant) and not self._is_logged(node.value):
            self.parts.append("do ")
            self.write(node.value)

    def _is_logged(self, node: ast.expr) -> bool:
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id="log"), attr=level)):
                logged = level in known.LEVELS and bool(self._module.logger - self._bound)
            case ast.Call(func=ast.Attribute(value=ast.Name(id="warnings"), attr="warn")):
                logged = "warnings" in self._module.imports
            case _:
                return False
        return logged and sum(isinstance(one, ACTS) for one in ast.walk(node)) == 1

    def _Raise(self, node: ast.Raise) -> None:
        self._in_words = isinstance(node.exc, ast.Call) and _last(node.exc) in known.ERRORS
        self._plain(node)
        self._in_words = False

    def _Pass(self, _node: ast.AST) -> None:
        """Write nothing: imported names are followed where they are used."""

    _Import = _ImportFrom = _Pass


def add_imports(imports: Imports, statement: ast.Import | ast.ImportFrom) -> None:
    """Note what an import statement binds names to."""
    for alias in statement.names:
        name = alias.asname or alias.name
        bound: tuple[str, str | None] = alias.name, None
        if isinstance(statement, ast.ImportFrom):
            bound = str(statement.module), alias.name
        elif not alias.asname:
            name = alias.name.split(".")[0]
            bound = name, None
        imports.setdefault(name, set()).add(bound)


def _assigned(*nodes: ast.AST) -> set[str]:
    """The names that are assigned to; an item or an attribute of one, too, changes it."""
    walked = (one for node in nodes for one in ast.walk(node))
    names = {one for one in walked if isinstance(one, ast.Name)}
    stored = {one.id for one in names if not isinstance(one.ctx, ast.Load)}
    return stored or {one.id for one in names}


def _chain(node: ast.AST) -> list[str]:
    """The names of `a.b.c`; empty for anything else."""
    if isinstance(node, ast.Name):
        return [node.id]
    if isinstance(node, ast.Attribute) and (above := _chain(node.value)):
        return [*above, node.attr]
    return []


def _last(node: ast.expr) -> str:
    """The last name of what is called, or of a decorator."""
    return (_chain(node.func if isinstance(node, ast.Call) else node) or [""])[-1]


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


def code_digest(script: str, modules: tuple[str, ...] = (), root: Path = SCRIPTS) -> str:
    """Digest of what a script can reach in the project's code.

    Args:
        script: file name under `root`, for example `score.py`.
        modules: modules that it loads by name, for example `ecslm.scoring.metrics.ndcg`: all of
            their definitions count.

    Raises:
        InputError: a file is missing or is not Python.
    """
    return code_of(root).digest(script, modules)


def digested(root: Path = SCRIPTS) -> dict[str, tuple[str, tuple[str, ...]]]:
    """The script and modules of each digest that this process has computed."""
    return {digest: job for job, digest in code_of(root).digests.items()}


def definition_digests(
    script: str, modules: tuple[str, ...] = (), root: Path = SCRIPTS
) -> Mapping[str, Mapping[str, str]]:
    """What `code_digest` is made of: by module, digests of its definitions, each for itself.

    What else a module executes stands under an empty name.

    Raises:
        InputError: a file is missing or is not Python.
    """
    found: dict[str, dict[str, str]] = {}
    for node, part in sorted(code_of(root).reached(script, modules).items()):
        if node.name != WHOLE:
            found.setdefault(node.module, {})[node.name] = part.named
    return found
