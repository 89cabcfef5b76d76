"""Writing what code does, without what is there for people or for type checkers."""

# ruff: noqa: N802 - methods are named after the nodes that they write

import ast
from collections.abc import Iterable
from functools import cached_property

from ecslm.fingerprint import known
from ecslm.fingerprint.error_words import ErrorWriter, messages
from ecslm.fingerprint.messages import message_names
from ecslm.fingerprint.nodes import spelled
from ecslm.fingerprint.scopes import (
    Comprehension,
    Function,
    Import,
    bound_by,
    comprehension_scope,
    scope_of,
    walk,
)
from ecslm.fingerprint.text import Reference, chain

LOGGER = "a logger"
# Other orders of decorators than `@x.setter` are as unknown as other decorators.
ACCESSORS = frozenset({"deleter", "getter", "setter"})


class Writer(ErrorWriter):
    """Writes what code does."""

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
        readable = self._in_read_class or not all(map(self._blind, node.decorator_list))
        self._arguments(node.args, readable)
        if node.returns is not None:
            self._annotation(node.returns, readable)
        scope = scope_of(node, self.package)
        with self._inside(scope):
            scope.messages = message_names(node, self._error_of, messages)
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
        before = self._in_class, self._in_read_class
        self._in_class = True
        self._in_read_class |= not all(map(self._blind, node.decorator_list))
        self.generic_visit(node)
        self._in_class, self._in_read_class = before

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
        """Write nothing."""

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        """Leave out annotations, except in classes, where they may be read."""
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
        """Write the blocks; in them the position of an import matters."""
        self._in_try += 1
        self.generic_visit(node)
        self._in_try -= 1

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
                if argument in messages(node):
                    self._message(argument, error)
                else:
                    self.visit(argument)
                self.parts.append(",")
            for keyword in node.keywords:
                self.parts.append(f"{keyword.arg or '**'}=")
                if keyword.value in messages(node):
                    self._message(keyword.value, error)
                else:
                    self.visit(keyword.value)
        elif last in known.REPORTERS and self._is_project(node.func):
            self._reported(node)
        elif name in known.CALLS_ITS_FIRST and node.args and isinstance(node.args[0], ast.Name):
            self._chain((node.args[0].id,), called=True)
            self._list(node.args[1:])
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


def _is_form(node: ast.expr) -> bool:
    """Whether an annotation only names types: to evaluate it does nothing."""
    fine = (
        *(ast.Name, ast.Attribute, ast.Subscript, ast.Tuple, ast.List, ast.Constant, ast.BinOp),
        *(ast.operator, ast.expr_context, ast.Starred, ast.UnaryOp, ast.unaryop),
    )
    return all(isinstance(one, fine) for one in walk(node))
