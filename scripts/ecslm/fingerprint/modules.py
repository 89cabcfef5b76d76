"""Modules of the project: their statements, what these bind, and what they import."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path, PurePosixPath

from ecslm.fingerprint.files import Files
from ecslm.fingerprint.nodes import spelled
from ecslm.fingerprint.scopes import (
    FUNCTIONS,
    IMPORTS,
    Import,
    bound_by,
    scope_of,
    stored,
    walk,
    within,
)
from ecslm.fingerprint.text import Text, chain
from ecslm.fingerprint.writer import LOGGER, Writer


class CodeError(Exception):
    """A file that cannot be read as code."""


# What a name is bound by: an import, or a statement by its number.
Binding = Import | int


class Module:
    """The code of a file. Imports at its top are no statements here, but bind names."""

    def __init__(
        self, name: str, package: str, tree: ast.Module, own: frozenset[str] = frozenset()
    ) -> None:
        """
        Args:
            own: the first parts of the names of the project's modules.
        """
        self.name, self.package, self.own = name, package, own
        self.statements: list[ast.stmt] = []
        self.bindings: dict[str, list[Binding]] = {}
        self.imports: list[Import] = []
        nodes = walk(tree)
        self._global = {
            name for node in nodes if isinstance(node, ast.Global) for name in node.names
        }
        self.docstring = ast.get_docstring(tree, clean=False)
        # Also those that are never executed.
        self.every_import = tuple(
            bound
            for node in nodes
            if isinstance(node, IMPORTS)
            for _, bound in bound_by(node, package)
        )
        for statement in _flat(tree.body):
            self._add(statement)
        for node in nodes if self._global else ():
            if isinstance(node, FUNCTIONS):
                scope = scope_of(node, package)
                for name in scope.globals & scope.imports.keys():
                    self.bindings.setdefault(name, []).extend(scope.imports[name])
        self.names = {name: self._kind(name, found) for name, found in self.bindings.items()}
        self._texts: dict[tuple[int, bool], Text] = {}

    def text(self, number: int, definition: bool) -> Text:
        """A statement in canonical form.

        Args:
            definition: whether it is one: functions and constants are then without their names.
        """
        key = number, definition
        if key not in self._texts:
            writer = Writer(self.names, self.package, self.own)
            if definition:
                write_definition(writer, self.statements[number])
            else:
                writer.visit(self.statements[number])
            self._texts[key] = writer.text()
        return self._texts[key]

    def name_of(self, number: int) -> str | None:
        """The one name that a statement may define: that of a function, class or constant."""
        match self.statements[number]:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                found = name
            case ast.ClassDef(name=name):
                found = name
            case ast.Assign(targets=[ast.Name(id=name)]):
                found = name
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr()):
                found = name
            case _:
                return None
        once = self.bindings[found] == [number]
        return found if once or self.names[found] == LOGGER else None

    def signature(self, number: int) -> str:
        """What a function tells to those who look at it: its name and its annotations."""
        node = self.statements[number]
        assert isinstance(node, FUNCTIONS)
        return f"{node.name} {spelled(node.args)} {spelled(node.returns) if node.returns else ''}"

    def _add(self, statement: ast.stmt) -> None:
        if isinstance(statement, IMPORTS):
            found = list(bound_by(statement, self.package))
            self.imports += (bound for _, bound in found)
            for name, bound in found:
                if name == "*" or bound.module == "__future__":
                    self.statements.append(statement)
                    return
                self._bind(name, bound)
            return
        number = len(self.statements)
        self.statements.append(statement)
        for node in within(statement):
            for name in _bound(node):
                self._bind(name, number)
            if isinstance(node, IMPORTS):
                for name, bound in bound_by(node, self.package):
                    self.imports.append(bound)
                    self._bind(name, bound)

    def _bind(self, name: str, to: Binding) -> None:
        found = self.bindings.setdefault(name, [])
        if not isinstance(to, Import) or to not in found:
            found.append(to)

    def _kind(self, name: str, found: list[Binding]) -> object:
        """What the writer of texts must know of a name."""
        if all(isinstance(one, Import) for one in found):
            return tuple(found)
        if name not in self._global and all(map(self._makes_logger, found)):
            return LOGGER
        return found

    def _makes_logger(self, binding: Binding) -> bool:
        statement = self.statements[binding] if isinstance(binding, int) else None
        match statement:
            case ast.Assign(targets=[ast.Name()], value=ast.Call(func=function)):
                names = chain(function)
                logging = [Import("logging", None, "logging")]
                return (
                    names[1:] == ("getLogger",)
                    and self.bindings.get(names[0]) == logging
                    and "logging" not in self.own
                )
        return False


def write_definition(writer: Writer, node: ast.stmt) -> None:
    """Write what a name is defined to be, without the name; that of a class is seen in results."""
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            writer.parts.append(type(node).__name__)
            for decorator in node.decorator_list:
                writer.visit(decorator)
                writer.parts.append(",")
            writer.function(node)
        case ast.Assign(value=value) | ast.AnnAssign(value=ast.expr() as value):
            writer.visit(value)
        case _:
            writer.visit(node)


def _flat(statements: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Statements that are executed: not those for type checkers."""
    for statement in statements:
        if isinstance(statement, ast.If) and chain(statement.test)[-1:] == ("TYPE_CHECKING",):
            yield from _flat(statement.orelse)
        else:
            yield statement


def _bound(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Name():
            yield from stored(node)
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            yield name
        case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)):
            yield name
        case ast.MatchStar(name=str(name)) | ast.MatchMapping(rest=str(name)):
            yield name


def packages_of(module: str) -> list[str]:
    """A module's packages, from above, and itself."""
    parts = module.split(".")
    return [".".join(parts[:depth]) for depth in range(1, len(parts) + 1)]


class Folder:
    """The modules below a folder."""

    def __init__(self, root: Path, files: Files) -> None:
        """
        Args:
            root: for messages alone.
            files: all Python files below it.
        """
        self._root, self._files = root, files
        self._folders = {
            folder.as_posix() for file in files for folder in PurePosixPath(file).parents
        }
        # Names that Python finds here first.
        self.own = frozenset(PurePosixPath(file).parts[0].removesuffix(".py") for file in files)
        # Modules that are in no package, as scripts are.
        self.alone = frozenset(file.removesuffix(".py") for file in files if "/" not in file)
        self._modules: dict[str, Module] = {}

    def path(self, name: str) -> str | None:
        """The file or, if that is all it has, the folder of a module, below the root; None if it
        is not here."""
        stem = name.replace(".", "/")
        for file in (f"{stem}/__init__.py", f"{stem}.py"):
            if file in self._files:
                return file
        return stem if stem in self._folders else None

    def has(self, name: str) -> bool:
        """Whether a module is of the project, by the first part of its name."""
        return bool(name) and self.path(name.split(".")[0]) is not None

    def loads(self, bound: Import) -> Iterator[str]:
        """The modules of the project that an import loads, with their packages."""
        if self.has(bound.loads):
            yield from packages_of(bound.loads)
            if bound.name and self.path(inner := f"{bound.loads}.{bound.name}"):
                yield inner

    def module(self, name: str) -> Module:
        """A module of the project.

        Raises:
            CodeError: there is no such file, or it is not Python.
        """
        if name not in self._modules:
            path = self.path(name)
            if path is None:
                raise self._missing(f"{name.replace('.', '/')}.py")
            self._modules[name] = self._parsed(name, path)
        return self._modules[name]

    def script(self, file: str) -> Module:
        """A script, which is not in a package."""
        if file not in self._modules:
            if file not in self._files:
                raise self._missing(file)
            self._modules[file] = self._parsed(file, file)
        return self._modules[file]

    def _missing(self, file: str) -> CodeError:
        return CodeError(f"{self._root / file}: no such file: its code digest cannot be computed")

    def _parsed(self, name: str, path: str) -> Module:
        if path in self._folders:
            return Module(name, name, ast.Module([], []))
        package = name if path.endswith("/__init__.py") else name.rpartition(".")[0]
        try:
            text = self._files[path].decode()
        except UnicodeDecodeError:
            raise CodeError(f"{self._root / path}: not UTF-8 text") from None
        try:
            return _module(name, "" if name.endswith(".py") else package, text, self.own)
        except SyntaxError as error:
            where = f"{self._root / path}: line {error.lineno}"
            raise CodeError(f"{where}: not Python ({error.msg})") from None


@cache
def _module(name: str, package: str, text: str, own: frozenset[str]) -> Module:
    """A module, parsed once for all scripts that import it."""
    return Module(name, package, ast.parse(text), own)
