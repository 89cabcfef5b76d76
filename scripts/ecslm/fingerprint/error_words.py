"""Writing errors without their words, and noting what becomes of these."""

# ruff: noqa: N802 - methods are named after the nodes that they write

import ast

from ecslm.fingerprint import known
from ecslm.fingerprint.nodes import NodeWriter, flat, spelled
from ecslm.fingerprint.scopes import Import, comprehension_scope, walk
from ecslm.fingerprint.text import Handler, Reference, chain

WORDED = frozenset(f"builtins.{name}" for name in known.WORDED)


class ErrorWriter(NodeWriter):
    """Writes errors without their words."""

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
                for part in flat(node):
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

    def _glance(self, node: ast.AST, error: str = "") -> None:
        """Note the caught errors in what is left out."""
        for one in walk(node):
            for handler in self._open:
                if isinstance(one, ast.Name) and handler.name == one.id and error:
                    handler.passed_on.add(error)

    def _reported(self, node: ast.Call) -> None:
        """A function that shows an error to a person."""
        before, self._error = self._error, self._error or known.INPUT_ERROR
        self._list(node.args)
        self._error = before
        self._list(node.keywords)

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


def messages(node: ast.Call) -> list[ast.expr]:
    """The arguments of a call that makes an error or a `Problem` which are messages."""
    if (chain(node.func) or ("",))[-1] != known.PROBLEM:
        return node.args
    return [*node.args[:1], *(one.value for one in node.keywords if one.arg == "message")]


def _all_words(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)
