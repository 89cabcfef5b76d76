"""Code in canonical form: what it does, without layout, words for people, and the names of others.

Names that a module binds are replaced by numbers, in the order of their use; the digest of a
definition puts what they refer to in their place. So the text does not depend on where a definition
stands or how it is imported.
"""

import ast
import builtins
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from ecslm.fingerprint import known
from ecslm.fingerprint.effects import Effects
from ecslm.fingerprint.messages import message_names
from ecslm.fingerprint.scopes import (
    Comprehension,
    Function,
    Import,
    Scope,
    bound_by,
    comprehension_scope,
    scope_of,
)

# Names that every module has.
OF_MODULES = frozenset(
    f"__{name}__" for name in ("doc", "file", "loader", "name", "package", "path", "spec")
)
BUILTINS = frozenset(dir(builtins))


class Reference(NamedTuple):
    """A name of the module, or of an import in a function, with the attributes that follow."""

    name: str
    path: tuple[str, ...]
    called: bool
    imported: tuple[Import, ...] = ()


@dataclass
class Handler:
    """`except ... as name`: which errors it catches, and what becomes of their words."""

    name: str
    # Names of errors; None if that is not an error known by its name.
    caught: list[Reference | str | None]
    read: bool = False
    # Errors that have its words in theirs.
    passed_on: set[str] = field(default_factory=set)


@dataclass
class Text:
    """Code in canonical form."""

    code: str = ""
    # In the order of their numbers.
    references: tuple[Reference, ...] = ()
    # What is left out unless something reads it, by what that is.
    words: tuple[tuple[str, str], ...] = ()
    handlers: tuple[Handler, ...] = ()
    # Imports in functions.
    imports: tuple[Import, ...] = ()
    # Attributes, and strings that are names: by these things are found at run time.
    mentions: frozenset[str] = frozenset()


def spelled(node: ast.AST) -> str:
    """A node as it stands, without layout; equal in all versions of Python."""
    writer = Writer({}, "", plain=True)
    writer.visit(node)
    return "".join(writer.parts)


def chain(node: ast.AST) -> tuple[str, ...]:
    """The names of `a.b.c`; empty for anything else."""
    if isinstance(node, ast.Name):
        return (node.id,)
    if isinstance(node, ast.Attribute) and (above := chain(node.value)):
        return (*above, node.attr)
    return ()


class Writer(ast.NodeVisitor):
    """Writes code, and notes what it refers to."""

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

    # Any node

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
        for part in [*_flat(node), None]:
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

    # Scopes

    @contextmanager
    def _inside(self, scope: Scope) -> Iterator[None]:
        self._scopes.append(scope)
        in_class, self._in_class = self._in_class, False
        yield
        self._in_class = in_class
        self._scopes.pop()

    def visit_FunctionDef(self, node: Function) -> None:
        """Annotations are left out if nothing can read them."""
        self.parts.append(f"{type(node).__name__}({node.name!a};")
        if node.name.startswith("__"):
            self._mentions.add(node.name)
        self._list(node.decorator_list)
        self.function(node)
        self.parts.append(")")

    def function(self, node: Function) -> None:
        """Arguments and body of a function."""
        readable = any(not self._blind(one) for one in node.decorator_list)
        self._arguments(node.args, readable)
        if node.returns is not None:
            self._annotation(node.returns, readable)
        scope = scope_of(node, self.package)
        with self._inside(scope):
            scope.messages = message_names(node, self._error_of, _messages)
            self._block(node.body)

    def _blind(self, decorator: ast.expr) -> bool:
        """Whether a decorator does not read annotations."""
        if isinstance(decorator, ast.Call):
            decorator = decorator.func
        accessor = isinstance(decorator, ast.Attribute) and decorator.attr in ACCESSORS
        return accessor or self.full_name(decorator) in known.DECORATORS

    def _annotation(self, node: ast.expr, readable: bool) -> None:
        if readable or not _is_form(node):
            self.parts.append(":")
            self._type(node)
        else:
            self._words.append(("annotation", spelled(node)))

    def _type(self, node: ast.expr) -> None:
        """An annotation that is kept: strings in it are annotations too."""
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            try:
                self._type(ast.parse(node.value, mode="eval").body)
                return
            except SyntaxError:
                pass
        elif isinstance(node, ast.Subscript) and chain(node.value)[-1:] != ("Literal",):
            self.parts.append("Subscript(")
            self.visit(node.value)
            parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
            for part in parts:
                self._type(part)
                self.parts.append(",")
            self.parts.append(")")
            return
        elif isinstance(node, ast.BinOp):
            self.parts.append("BinOp(")
            self._type(node.left)
            self.visit(node.op)
            self._type(node.right)
            self.parts.append(")")
            return
        self.visit(node)

    def _arguments(self, node: ast.arguments, readable: bool) -> None:
        self.parts.append("(")
        for kind in ("posonlyargs", "args", "vararg", "kwonlyargs", "kwarg"):
            found = getattr(node, kind)
            arguments = found if isinstance(found, list) else [found] if found else []
            self.parts.append(f"{kind}[" if arguments else "")
            for argument in arguments:
                self.parts.append(ascii(argument.arg))
                if argument.annotation is not None:
                    self._annotation(argument.annotation, readable)
                self.parts.append(",")
            self.parts.append("]" if arguments else "")
        self._list(node.defaults)
        self._list(node.kw_defaults)
        self.parts.append(")")

    def visit_Lambda(self, node: ast.Lambda) -> None:
        self.parts.append("Lambda(")
        self._arguments(node.args, readable=False)
        with self._inside(scope_of(node, self.package)):
            self.visit(node.body)
        self.parts.append(")")

    def visit_ListComp(self, node: Comprehension) -> None:
        self.parts.append(f"{type(node).__name__}(")
        first, *others = node.generators
        # Evaluated outside.
        self.visit(first.iter)
        with self._inside(comprehension_scope(node)):
            self.visit(first.target)
            self._list([*first.ifs, first.is_async])
            self._list(others)
            for name in ("elt", "key", "value"):
                self._field(name, getattr(node, name, None))
        self.parts.append(")")

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        in_class, self._in_class = self._in_class, True
        self.generic_visit(node)
        self._in_class = in_class

    # Statements

    def visit_Expr(self, node: ast.Expr) -> None:
        """Bare values do nothing, nor do log lines and warnings whose arguments do nothing."""
        value = node.value
        if isinstance(value, ast.Constant):
            if isinstance(value.value, str):
                self._words.append(("doc", ascii(value.value)))
        elif isinstance(value, ast.Call) and self._logs(value):
            self._glance(value)
        else:
            self.generic_visit(node)

    def visit_Pass(self, node: ast.Pass) -> None:
        """Nothing."""

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        """Only classes have their annotations read."""
        if self._in_class:
            self.parts.append("Field(")
            self.visit(node.target)
            self.parts.append(":")
            self._type(node.annotation)
            self._field("value", node.value)
            self.parts.append(")")
            return
        if not _is_form(node.annotation):
            self.generic_visit(node)
            return
        self._words.append(("annotation", spelled(node.annotation)))
        if node.value is not None:
            self.visit(ast.Assign(targets=[node.target], value=node.value))

    def visit_Assign(self, node: ast.Assign) -> None:
        """A variable for the words of an error is as good as the words in their place."""
        match node.targets:
            case [ast.Name(id=name)] if error := self._message_variable(name):
                self.parts.append(f"{name}=")
                self._message(node.value, error)
            case _:
                self.generic_visit(node)

    def visit_NamedExpr(self, node: ast.NamedExpr) -> None:
        """See `visit_Assign`."""
        if error := self._message_variable(node.target.id):
            self.parts.append(f"{node.target.id}:=")
            self._message(node.value, error)
        else:
            self.generic_visit(node)

    def _message_variable(self, name: str) -> str:
        """The error whose words a variable holds, and nothing else."""
        for scope in reversed(self._scopes):
            if name in scope.names:
                return scope.messages.get(name, "")
        return ""

    def visit_Import(self, node: ast.Import | ast.ImportFrom) -> None:
        """The names that it binds are resolved where they are used."""
        for name, bound in bound_by(node, self.package):
            self._imports.append(bound)
            if self._in_class:
                # An attribute of the class.
                self.parts.append(f"{name}:")
                self._reference(Reference(name, (), False, (bound,)))
            if name == "*" or bound.module == "__future__":
                self.parts.append(f"import({bound.module} {bound.name})")
        if self._in_try:
            self.parts.append("import")

    def visit_Try(self, node: ast.Try) -> None:
        """In these it matters where an import stands."""
        self._in_try += 1
        self.generic_visit(node)
        self._in_try -= 1

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> None:
        if node.name is None:
            self.generic_visit(node)
            return
        caught = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
        handler = Handler(node.name, [self._error_name(one) for one in caught])
        self._handlers.append(handler)
        self._open.append(handler)
        self.generic_visit(node)
        self._open.remove(handler)

    def _error_name(self, node: ast.expr | None) -> Reference | str | None:
        if node is None or not (names := chain(node)):
            return None
        kind, imported = self._where(names[0])
        if kind == "builtin":
            return ".".join(names)
        return None if kind == "local" else Reference(names[0], names[1:], False, imported)

    def _read(self, name: str) -> None:
        """Note that a caught error is used."""
        for handler in reversed(self._open):
            if handler.name == name:
                if self._error:
                    handler.passed_on.add(self._error)
                else:
                    handler.read = True
                return

    def _glance(self, node: ast.AST, error: str = "") -> None:
        """Note the caught errors in what is left out."""
        for one in ast.walk(node):
            for handler in self._open:
                if isinstance(one, ast.Name) and handler.name == one.id and error:
                    handler.passed_on.add(error)

    def visit_Raise(self, node: ast.Raise) -> None:
        """The cause of an error is shown in tracebacks alone."""
        self.parts.append("Raise(")
        if node.exc is not None:
            if not isinstance(node.exc, ast.Name) or self._where(node.exc.id)[0] != "local":
                self.visit(node.exc)
            else:
                # Raised again, as it is.
                self.parts.append(node.exc.id)
        if node.cause is not None:
            if chain(node.cause):
                self.parts.append(" from a name")
            else:
                self.parts.append(" from ")
                self.visit(node.cause)
        self.parts.append(")")

    def visit_Assert(self, node: ast.Assert) -> None:
        self.parts.append("Assert(")
        self.visit(node.test)
        if node.msg is not None:
            self._message(node.msg, "AssertionError")
        self.parts.append(")")

    # Calls

    def visit_Call(self, node: ast.Call) -> None:
        name = self.full_name(node.func)
        last = (chain(node.func) or ("",))[-1]
        error = self._error_of(node)
        self.parts.append("Call(")
        self._by_name(node, name)
        if isinstance(node.func, ast.Name):
            self._chain((node.func.id,), called=True)
        elif isinstance(node.func, ast.Attribute):
            self.visit_Attribute(node.func, called=True)
        else:
            self.visit(node.func)
        if error:
            for argument in node.args:
                if argument in _messages(node):
                    self._message(argument, error)
                else:
                    self.visit(argument)
                self.parts.append(",")
            for keyword in node.keywords:
                self.parts.append(f"{keyword.arg or '**'}=")
                if keyword.value in _messages(node):
                    self._message(keyword.value, error)
                else:
                    self.visit(keyword.value)
        elif last in known.REPORTERS and self._is_project(node.func):
            self._reported(node)
        else:
            self._list(node.args)
            self._keywords(node.keywords, *self._worded_keywords(node, name, last))
        self.parts.append(")")

    def _by_name(self, node: ast.Call, name: str) -> None:
        """A module that is loaded by its name counts whole, as do the names of a module here."""
        if name in known.LOADERS and node.args:
            first = node.args[0]
            if isinstance(first, ast.Constant) and isinstance(first.value, str):
                loaded = Import(first.value, None, first.value)
                self._imports.append(loaded)
                self._reference(Reference(first.value, (), False, (loaded,)))
        elif name in known.READS_NAMES_HERE and not node.args and not self._scopes:
            self._mentions.add(known.ANY_NAME)

    def _is_project(self, function: ast.expr) -> bool:
        """Whether it is what the project calls by this name, imported or defined here."""
        names = chain(function)
        if len(names) != 1 or self._where(names[0])[0] not in ("module", "imported"):
            return False
        found = self._where(names[0])[1] or self.names.get(names[0])
        if isinstance(found, tuple):
            return found in {(Import(home, names[0], home),) for home in known.HOMES}
        return self.package == known.HOMES[0].rpartition(".")[0]

    def _error_of(self, node: ast.Call) -> str:
        """The error that a call makes, or makes a problem of, whose arguments are words."""
        last = (chain(node.func) or ("",))[-1]
        if last in (known.INPUT_ERROR, known.PROBLEM):
            return known.INPUT_ERROR if self._is_project(node.func) else ""
        return last if self.full_name(node.func) == f"builtins.{last}" in WORDED else ""

    def _keywords(
        self, keywords: Iterable[ast.keyword], words: frozenset[str] = frozenset(), kind: str = ""
    ) -> None:
        for keyword in keywords:
            if keyword.arg in words and self._effects.none(keyword.value):
                if kind:
                    self._words.append((kind, spelled(keyword)))
            else:
                self.parts.append(f"{keyword.arg or '**'}=")
                self.visit(keyword.value)
                self.parts.append(",")

    def _worded_keywords(
        self, node: ast.Call, name: str, last: str
    ) -> tuple[frozenset[str], str] | tuple[()]:
        """Keywords that are words for people, and who reads them."""
        if name == "pydantic.Field":
            return known.SCHEMA_WORDS, "schema"
        if name in ("tqdm.tqdm", "tqdm.auto.tqdm"):
            return known.BAR, ""
        function = node.func
        if not self._parses_options:
            return ()
        if name == "argparse.ArgumentParser" or (
            isinstance(function, ast.Attribute) and function.attr in known.PARSER_METHODS
        ):
            return known.HELP, "help"
        if isinstance(function, ast.Name):
            for scope in reversed(self._scopes):
                if last in scope.names:
                    return (known.HELP, "help") if last in scope.adders else ()
        return ()

    @cached_property
    def _parses_options(self) -> bool:
        """Whether the module imports argparse."""
        found = (one for one in self.names.values() if isinstance(one, tuple))
        return any(bound.module == "argparse" for imports in found for bound in imports)

    def _reported(self, node: ast.Call) -> None:
        """A function that shows an error to a person."""
        before, self._error = self._error, self._error or known.INPUT_ERROR
        self._list(node.args)
        self._error = before
        self._keywords(node.keywords)

    def _message(self, node: ast.expr, error: str) -> None:
        """An argument of an error, without its words."""
        before, self._error = self._error, error
        self._worded(node, error)
        self._error = before

    def _worded(self, node: ast.expr, error: str) -> None:
        match node:
            case ast.Constant(value=str()):
                self._words.append((f"error:{error}", spelled(node)))
            case ast.JoinedStr():
                for part in _flat(node):
                    self._words.append((f"error:{error}", spelled(part)))
                    if isinstance(part, ast.FormattedValue):
                        self._interpolated(part.value, error)
                        if part.format_spec is not None:
                            self._worded(part.format_spec, error)
            case ast.BinOp(op=ast.Add() | ast.Mod(), left=left, right=right):
                self._worded(left, error)
                self._worded(right, error)
            case ast.IfExp(test=test, body=body, orelse=other):
                if _all_words(body) and _all_words(other) and self._effects.none(test):
                    self._words.append((f"error:{error}", spelled(node)))
                    self._glance(test, error)
                else:
                    self.parts.append("if(")
                    self.visit(test)
                    self._worded(body, error)
                    self.parts.append(",")
                    self._worded(other, error)
                    self.parts.append(")")
            case ast.Starred(value=value):
                self.parts.append("*")
                self._worded(value, error)
            case ast.GeneratorExp(elt=inner) | ast.ListComp(elt=inner):
                self._each(node, inner, error)
            case ast.List(elts=parts) | ast.Tuple(elts=parts):
                self.parts.append("[")
                for part in parts:
                    self._worded(part, error)
                    self.parts.append(",")
                self.parts.append("]")
            case ast.Call(
                func=ast.Attribute(value=ast.Constant(value=str()), attr="join"), args=[argument]
            ):
                self._words.append((f"error:{error}", spelled(node.func)))
                self.parts.append("join(")
                self._worded(argument, error)
                self.parts.append(")")
            case _:
                self.visit(node)

    def _each(self, node: ast.GeneratorExp | ast.ListComp, inner: ast.expr, error: str) -> None:
        first, *others = node.generators
        self.parts.append("each(")
        self.visit(first.iter)
        with self._inside(comprehension_scope(node)):
            self.visit(first.target)
            self._list([*first.ifs, *others])
            self._worded(inner, error)
        self.parts.append(")")

    def _interpolated(self, node: ast.expr, error: str) -> None:
        """A value in a message: left out if to compute it changes nothing."""
        if self._effects.none(node):
            self._glance(node, error)
        else:
            self._worded(node, error)

    # Expressions that change nothing

    def _logs(self, call: ast.Call) -> bool:
        """Whether a call is a log line or a warning whose arguments change nothing."""
        function = call.func
        is_logged = (
            isinstance(function, ast.Attribute)
            and function.attr in known.LEVELS
            and isinstance(function.value, ast.Name)
            and self._where(function.value.id)[0] == "module"
            and self.names.get(function.value.id) == LOGGER
        )
        if not is_logged and self.full_name(function) != "warnings.warn":
            return False
        values = [*call.args, *(keyword.value for keyword in call.keywords)]
        return all(map(self._effects.none, values))


def _messages(node: ast.Call) -> list[ast.expr]:
    """The arguments of a call that makes an error or a `Problem` which are messages."""
    if (chain(node.func) or ("",))[-1] != known.PROBLEM:
        return node.args
    return [*node.args[:1], *(one.value for one in node.keywords if one.arg == "message")]


LOGGER = "a logger"
WORDED = frozenset(f"builtins.{name}" for name in known.WORDED)
# Other orders of decorators than `@x.setter` are as unknown as other decorators.
ACCESSORS = frozenset({"deleter", "getter", "setter"})
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


def _flat(node: ast.JoinedStr) -> Iterator[ast.expr]:
    for part in node.values:
        if isinstance(part, ast.JoinedStr):
            yield from _flat(part)
        else:
            yield part


def _is_form(node: ast.expr) -> bool:
    """Whether an annotation only names types: to evaluate it does nothing."""
    fine = (
        *(ast.Name, ast.Attribute, ast.Subscript, ast.Tuple, ast.List, ast.Constant, ast.BinOp),
        *(ast.operator, ast.expr_context, ast.Starred, ast.UnaryOp, ast.unaryop),
    )
    return all(isinstance(one, fine) for one in ast.walk(node))


def _all_words(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)
