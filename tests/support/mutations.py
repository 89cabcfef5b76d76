"""Edits of code that change what it does, and which parts of code are words that do nothing."""

import ast
from collections.abc import Iterator
from contextlib import contextmanager

from ecslm.fingerprint.known import ERRORS, LEVELS


def words(tree: ast.AST) -> set[ast.AST]:
    """The nodes in which an edit need not count, as docs/reruns.md lists them."""
    found: set[ast.AST] = set()
    for node in ast.walk(tree):
        left: list[ast.AST | None] = []
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                inside = list(ast.walk(node))
                left = [node.returns, *(n.annotation for n in inside if isinstance(n, ast.arg))]
                left += [n.annotation for n in inside if isinstance(n, ast.AnnAssign)]
            case ast.Expr(value=ast.Constant()) | ast.Pass() | ast.Import() | ast.ImportFrom():
                left = [node]
            case ast.Expr(value=ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr=attr))):
                if (name == "log" and attr in LEVELS) or (name == "warnings" and attr == "warn"):
                    left = [node]
            case ast.Raise(exc=ast.Call() as call) if ast.unparse(call.func) in ERRORS:
                constants = (n for n in ast.walk(call) if isinstance(n, ast.Constant))
                left = [n for n in constants if isinstance(n.value, str)]
        found.update(n for one in left if one is not None for n in ast.walk(one))
    if isinstance(tree, ast.AnnAssign):
        found.update(ast.walk(tree.annotation))
    return found


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
OPERATORS = SWAPPED | {new: old for old, new in SWAPPED.items()}
OPERATORS |= {ast.BitOr: ast.BitAnd, ast.BitAnd: ast.BitOr, ast.Not: ast.UAdd, ast.USub: ast.UAdd}


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
