"""Writing any node of code in canonical form, and noting the names in it."""

import ast
import builtins
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

from ecslm.fingerprint import known
from ecslm.fingerprint.effects import Effects
from ecslm.fingerprint.scopes import Import, Scope
from ecslm.fingerprint.text import Handler, Reference, Text, chain

# Names that every module has.
OF_MODULES = frozenset(
    f"__{name}__" for name in ("doc", "file", "loader", "name", "package", "path", "spec")
)
BUILTINS = frozenset(dir(builtins))
LAYOUT = frozenset({"ctx", "kind", "type_comment", "type_ignores"})
BLOCKS = frozenset({"body", "finalbody", "orelse"})
ALWAYS_SPECIAL = frozenset({"Constant", "JoinedStr"})
# Nodes that are written as others are.
ALIKE = {
    "AsyncFunctionDef": "FunctionDef",
    "DictComp": "ListComp",
    "GeneratorExp": "ListComp",
    "ImportFrom": "Import",
    "SetComp": "ListComp",
    "TryStar": "Try",
}


def spelled(node: ast.AST) -> str:
    """A node as it stands, without layout; equal in all versions of Python."""
    writer = NodeWriter({}, "", plain=True)
    writer.visit(node)
    return "".join(writer.parts)


class NodeWriter(ast.NodeVisitor):
    """Writes code as it stands, except for its layout."""

    def __init__(
        self,
        names: Mapping[str, object],
        package: str,
        own: frozenset[str] = frozenset(),
        plain: bool = False,
    ) -> None:
        """
        Args:
            names: what the module binds: a tuple of imports, `LOGGER`, or something else.
            package: the module's package.
            own: the first parts of the names of the project's modules.
        """
        self.names, self.package, self.own, self.plain = names, package, own, plain
        self.parts: list[str] = []
        self._effects = Effects(self.full_name)
        self._numbers: dict[Reference, int] = {}
        self._words: list[tuple[str, str]] = []
        self._handlers: list[Handler] = []
        self._imports: list[Import] = []
        self._mentions: set[str] = set()
        self._scopes: list[Scope] = []
        self._open: list[Handler] = []
        # The error whose arguments are being written.
        self._error = ""
        self._in_class = False
        # A decorator of the class may read the annotations of its methods.
        self._in_read_class = False
        self._in_try = 0

    def text(self) -> Text:
        """What was written."""
        return Text(
            "".join(self.parts),
            tuple(self._numbers),
            tuple(self._words),
            tuple(self._handlers),
            tuple(self._imports),
            frozenset(self._mentions),
        )

    def visit(self, node: ast.AST) -> None:
        """Write a node."""
        kind = type(node).__name__
        if self.plain and kind not in ALWAYS_SPECIAL:
            self.generic_visit(node)
        else:
            getattr(self, f"visit_{ALIKE.get(kind, kind)}", self.generic_visit)(node)

    def generic_visit(self, node: ast.AST) -> None:
        """Write all that a node has, in the order of the names of its fields."""
        self.parts.append(f"{type(node).__name__}(")
        for name in sorted(node._fields):
            if name not in LAYOUT:
                self._field(name, getattr(node, name, None))
        self.parts.append(")")

    def _field(self, name: str, value: object) -> None:
        if value is None or value == []:
            return
        start = len(self.parts)
        self.parts.append(f"{name}=")
        if not isinstance(value, list):
            self._value(value)
        elif name not in BLOCKS or self.plain:
            self._list(value)
        elif not self._block(value):
            # As if there were none.
            del self.parts[start:]
            return
        self.parts.append(";")

    def _list(self, values: Iterable[object]) -> None:
        self.parts.append("[")
        for value in values:
            self._value(value)
            self.parts.append(",")
        self.parts.append("]")

    def _value(self, value: object) -> None:
        if isinstance(value, ast.AST):
            self.visit(value)
        else:
            self.parts.append(ascii(value))

    def _block(self, statements: Iterable[ast.stmt]) -> bool:
        """Write statements, without those that do nothing; returns whether there are any."""
        self.parts.append("[")
        start = len(self.parts)
        for statement in statements:
            before = len(self.parts)
            self.visit(statement)
            if len(self.parts) > before:
                self.parts.append(",")
        self.parts.append("]")
        return len(self.parts) > start + 1

    def visit_Constant(self, node: ast.Constant) -> None:
        value = node.value
        if isinstance(value, str):
            if value.isidentifier():
                self._mentions.add(value)
            self.parts.append(ascii(value))
        else:
            self.parts.append(f"{type(value).__name__}:{value!a}")

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        """Literal parts that stand beside each other are one, whatever Python made of them."""
        self.parts.append("f(")
        literal = ""
        for part in [*flat(node), None]:
            if isinstance(part, ast.Constant):
                literal += str(part.value)
                continue
            if literal:
                self.parts.append(f"{literal!a},")
                literal = ""
            if isinstance(part, ast.FormattedValue):
                self.generic_visit(part)
        self.parts.append(")")

    # Names

    def visit_Name(self, node: ast.Name) -> None:
        if self._in_class:
            # It may be an attribute of the class.
            self.parts.append(f"{node.id}:")
        self._chain((node.id,), called=False)

    def visit_Attribute(self, node: ast.Attribute, called: bool = False) -> None:
        if names := chain(node):
            if self._in_class:
                self.parts.append(f"{names[0]}:")
            self._chain(names, called)
        else:
            self._mentions.add(node.attr)
            self.generic_visit(node)

    def _chain(self, names: tuple[str, ...], called: bool) -> None:
        self._read(names[0])
        self._mentions.update(names[1:])
        kind, imported = self._where(names[0])
        if kind in ("local", "builtin"):
            self.parts.append(".".join(names))
            if kind == "builtin" and names[0] in known.READS_NAMES:
                self._mentions.add(known.ANY_NAME)
        else:
            self._reference(Reference(names[0], names[1:], called, imported))

    def _reference(self, reference: Reference) -> None:
        number = self._numbers.setdefault(reference, len(self._numbers))
        self.parts.append(f"@{number}")

    def _where(self, name: str) -> tuple[str, tuple[Import, ...]]:
        """Whether a name is local, of the module, imported in a function, or Python's own."""
        for scope in reversed(self._scopes):
            if name in scope.globals:
                break
            if name in scope.imports:
                return "imported", scope.imports[name]
            if name in scope.names:
                return "local", ()
        if name in self.names or name in OF_MODULES:
            return "module", ()
        return "builtin", ()

    def full_name(self, node: ast.AST) -> str:
        """The full name of what `a.b.c` is, if it is imported or Python's own; else empty."""
        names = chain(node)
        if not names:
            return ""
        kind, imported = self._where(names[0])
        if kind == "builtin":
            return ".".join(("builtins", *names)) if names[0] in BUILTINS else ""
        found = imported or self.names.get(names[0])
        if kind == "local" or not isinstance(found, tuple) or len(found) != 1:
            return ""
        (bound,) = found
        if bound.module.split(".")[0] in self.own:
            return ""
        return ".".join((*(part for part in (bound.module, bound.name) if part), *names[1:]))

    def _read(self, name: str) -> None:
        """Note that a caught error is used."""
        for handler in reversed(self._open):
            if handler.name == name:
                if self._error:
                    handler.passed_on.add(self._error)
                else:
                    handler.read = True
                return

    @contextmanager
    def _inside(self, scope: Scope) -> Iterator[None]:
        self._scopes.append(scope)
        in_class, self._in_class = self._in_class, False
        yield
        self._in_class = in_class
        self._scopes.pop()


def flat(node: ast.JoinedStr) -> Iterator[ast.expr]:
    for part in node.values:
        if isinstance(part, ast.JoinedStr):
            yield from flat(part)
        else:
            yield part
