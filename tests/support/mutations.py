"""Edits of code that change what it does, and which parts of code are words that do nothing."""

import ast
from collections.abc import Iterator
from contextlib import contextmanager

LOG_LEVELS = {"debug", "info", "warning", "error", "exception", "critical"}
# Errors whose arguments are words.
ERRORS = {
    *("InputError", "Problem", "ValueError", "TypeError", "RuntimeError", "NotImplementedError"),
    "AssertionError",
}
WORDED_KEYWORDS = {
    *("help", "description", "title", "epilog", "metavar"),
    *("desc", "unit", "unit_scale", "disable", "leave", "delay"),
}
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def words(tree: ast.AST) -> set[ast.AST]:
    """The nodes in which an edit need not count, as docs/reruns.md lists them."""
    found: set[ast.AST] = set()

    def leave(node: ast.AST | None) -> None:
        if node is not None:
            found.update(ast.walk(node))

    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                leave(node.returns)
                for argument in ast.walk(node.args):
                    if isinstance(argument, ast.arg):
                        leave(argument.annotation)
                for inner in ast.walk(node):
                    if isinstance(inner, ast.AnnAssign):
                        leave(inner.annotation)
            case ast.Expr(value=ast.Constant()) | ast.Pass():
                leave(node)
            case ast.Expr(value=ast.Call(func=ast.Attribute(value=ast.Name(id="log"), attr=level))):
                if level in LOG_LEVELS:
                    leave(node)
            case ast.Expr(value=ast.Call(func=ast.Attribute(value=ast.Name(id="warnings")))):
                leave(node)
            case ast.Call(func=ast.Name(id=name), args=arguments) if name in ERRORS:
                for argument in arguments:
                    found.update(_message(argument))
                for keyword in node.keywords:
                    if keyword.arg == "message":
                        found.update(_message(keyword.value))
            case ast.Assert(msg=ast.expr() as message):
                found.update(_message(message))
            case ast.Raise(cause=cause):
                leave(cause)
            case ast.Import() | ast.ImportFrom():
                leave(node)
        if isinstance(node, FUNCTIONS):
            for value in _kept_for_messages(node):
                found.update(_message(value))
        if isinstance(node, ast.keyword) and node.arg in WORDED_KEYWORDS:
            leave(node)
    if isinstance(tree, ast.AnnAssign):
        leave(tree.annotation)
    return found


def _kept_for_messages(function: ast.AST) -> Iterator[ast.expr]:
    """The values of variables that a function uses in errors alone, but for whether there are any
    messages."""
    in_errors: set[ast.AST] = set()
    nodes = list(ast.walk(function))
    for node in nodes:
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ERRORS:
            in_errors.update(ast.walk(node))
        elif isinstance(node, ast.If):
            in_errors.add(node.test)
    loads = [
        node for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
    ]
    used = {node.id for node in loads if node not in in_errors}
    for node in nodes:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if name not in used:
                yield value
            case ast.NamedExpr(target=ast.Name(id=name), value=value) if name not in used:
                yield value


def _message(node: ast.expr) -> Iterator[ast.AST]:
    """Words of a message: text, what is put into text, and how it is put together."""
    match node:
        case ast.Constant(value=str()) | ast.JoinedStr():
            yield from ast.walk(node)
        case ast.BinOp(left=left, right=right):
            yield from (*_message(left), *_message(right))
        case ast.IfExp(body=ast.Constant(value=str()), orelse=ast.Constant(value=str())):
            # A choice of words.
            yield from ast.walk(node)
        case ast.IfExp(body=body, orelse=other):
            yield from (*_message(body), *_message(other))
        case ast.GeneratorExp(elt=inner) | ast.ListComp(elt=inner) | ast.Starred(value=inner):
            yield from _message(inner)
        case ast.Call(func=ast.Attribute(value=ast.Constant()), args=arguments):
            yield from ast.walk(node.func)
            for argument in arguments:
                yield from _message(argument)
        case ast.List(elts=parts):
            for part in parts:
                yield from _message(part)
        case ast.Call(func=ast.Name(id="Problem"), args=[first, *_]):
            yield from _message(first)


SWAPPED = {
    ast.Add: ast.Sub,
    ast.And: ast.Or,
    ast.Div: ast.FloorDiv,
    ast.Eq: ast.NotEq,
    ast.Gt: ast.GtE,
    ast.In: ast.NotIn,
    ast.Is: ast.IsNot,
    ast.Lt: ast.LtE,
    ast.MatMult: ast.Mod,
    ast.Mult: ast.Pow,
}
BACK = {new: old for old, new in SWAPPED.items()}
OPERATORS = {**BACK, **SWAPPED, ast.BitOr: ast.BitAnd, ast.Mod: ast.Mult, ast.Not: ast.UAdd}
OPERATORS |= {ast.USub: ast.UAdd, ast.LtE: ast.Lt, ast.GtE: ast.Gt, ast.BitAnd: ast.BitOr}


def mutants(tree: ast.AST) -> Iterator[str]:
    """Each edit of a tree, made in place while its description is yielded, then undone."""
    exempt = words(tree)
    for node in list(ast.walk(tree)):
        if node in exempt:
            continue
        match node:
            case ast.Constant(value=value):
                yield from _with(node, "value", _other(value))
            case ast.Attribute(attr=name):
                yield from _with(node, "attr", f"{name}_")
            case ast.Name(id=name, ctx=ast.Load()):
                yield from _with(node, "id", f"{name}_")
            case ast.keyword(arg=str(name)):
                yield from _with(node, "arg", f"{name}_")
            case ast.arg(arg=name):
                yield from _with(node, "arg", f"{name}_")
            case ast.BinOp(op=operator) | ast.AugAssign(op=operator) | ast.UnaryOp(op=operator):
                yield from _with(node, "op", OPERATORS.get(type(operator), ast.MatMult)())
            case ast.BoolOp(op=operator):
                yield from _with(node, "op", OPERATORS[type(operator)]())
            case ast.Compare(ops=[first, *others]):
                yield from _with(node, "ops", [OPERATORS[type(first)](), *others])
            case ast.If(test=test) | ast.While(test=test) | ast.IfExp(test=test):
                yield from _with(node, "test", ast.UnaryOp(ast.Not(), test))
            case ast.FormattedValue(conversion=conversion):
                yield from _with(node, "conversion", 114 if conversion == -1 else -1)
        for name in ("body", "orelse", "finalbody"):
            block = getattr(node, name, None)
            if isinstance(block, list):
                yield from _statements(node, name, block, exempt)


def _statements(
    node: ast.AST, name: str, block: list[ast.stmt], exempt: set[ast.AST]
) -> Iterator[str]:
    """Edits of a block: each statement left out, and one more at each end."""
    for number, statement in enumerate(block):
        if statement not in exempt:
            less = [*block[:number], *block[number + 1 :]] or [ast.Pass()]
            yield from _with(node, name, less)
    if block and isinstance(block[0], ast.stmt):
        more = ast.parse("print()").body
        yield from _with(node, name, [*more, *block])
        yield from _with(node, name, [*block, *more])


def _other(value: object) -> object:
    match value:
        case bool():
            return not value
        case int() | float():
            return value + 1
        case str():
            return f"{value}!"
        case bytes():
            return value + b"!"
    return 0 if value is None else None


@contextmanager
def _changed(node: ast.AST, name: str, value: object) -> Iterator[None]:
    before = getattr(node, name)
    setattr(node, name, value)
    try:
        yield
    finally:
        setattr(node, name, before)


def _with(node: ast.AST, name: str, value: object) -> Iterator[str]:
    line = getattr(node, "lineno", "?")
    with _changed(node, name, value):
        yield f"line {line}: {type(node).__name__}.{name}"
