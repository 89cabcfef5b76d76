"""Edits of code that change what it does, and which parts of code are words that do nothing."""

import ast
from collections.abc import Iterator

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


def mutants(tree: ast.AST) -> Iterator[str]:
    """Each edit of a tree, made in place while its description is yielded, then undone."""
    exempt = words(tree)
    for node in list(ast.walk(tree)):
        if node in exempt:
            continue
        for name, value in _changes(node):
            yield from _with(node, name, value)
        for name in ("body", "orelse", "finalbody"):
            block = getattr(node, name, None)
            if not isinstance(block, list):
                continue
            # Each statement left out, and one more at each end.
            for number, statement in enumerate(block):
                if statement not in exempt:
                    less = [*block[:number], *block[number + 1 :]] or [ast.Pass()]
                    yield from _with(node, name, less)
            if block and isinstance(block[0], ast.stmt):
                more = ast.parse("print()").body
                yield from _with(node, name, [*more, *block])
                yield from _with(node, name, [*block, *more])


def _changes(node: ast.AST) -> Iterator[tuple[str, object]]:
    """Fields of a node, each with another value."""
    match node:
        case ast.Constant(value=value):
            yield "value", _other(value)
        case ast.Attribute(attr=name):
            yield "attr", f"{name}_"
        case ast.Name(id=name, ctx=ast.Load()):
            yield "id", f"{name}_"
        case ast.keyword(arg=str(name)) | ast.arg(arg=name):
            yield "arg", f"{name}_"
        case ast.Compare(ops=[first, *others]):
            yield "ops", [_other_operator(first), *others]
        case ast.If(test=test) | ast.While(test=test) | ast.IfExp(test=test):
            yield "test", ast.UnaryOp(ast.Not(), test)
        case ast.FormattedValue(conversion=conversion):
            yield "conversion", 114 if conversion == -1 else -1
        case ast.BinOp() | ast.AugAssign() | ast.UnaryOp() | ast.BoolOp():
            yield "op", _other_operator(node.op)


def _other_operator(operator: ast.AST) -> ast.AST:
    """Another one of the same kind."""
    kinds = type(operator).__mro__[1].__subclasses__()
    other: ast.AST = next(kind for kind in kinds if kind is not type(operator))()
    return other


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


def _with(node: ast.AST, name: str, value: object) -> Iterator[str]:
    before = getattr(node, name)
    setattr(node, name, value)
    try:
        yield f"line {getattr(node, 'lineno', '?')}: {type(node).__name__}.{name}"
    finally:
        setattr(node, name, before)
