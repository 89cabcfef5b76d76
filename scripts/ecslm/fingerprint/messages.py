"""Local variables that hold nothing but the words of an error."""

import ast
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator

from ecslm.fingerprint.scopes import Function, walk

LISTS = (ast.List, ast.ListComp)


def message_names(
    function: Function,
    error_of: Callable[[ast.Call], str],
    messages: Callable[[ast.Call], list[ast.expr]],
) -> dict[str, str]:
    """Variables of a function that are used in messages alone, and the errors that these are of.

    A list of messages may also be asked whether it has any.

    Args:
        error_of: the error that a call makes; empty for other calls.
        messages: the arguments of such a call that are messages.
    """
    loads: Counter[str] = Counter()
    stores: Counter[str] = Counter()
    told: Counter[str] = Counter()
    values: defaultdict[str, list[ast.expr]] = defaultdict(list)
    errors: defaultdict[str, set[str]] = defaultdict(set)
    asked: set[str] = set()
    for node in walk(function):
        match node:
            case ast.Name(id=name, ctx=ast.Load()):
                loads[name] += 1
            case ast.Name(id=name):
                stores[name] += 1
            case ast.arg(arg=name):
                stores[name] += 1
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                values[name].append(value)
            case ast.If(test=ast.Name(id=name)):
                told[name] += 1
                asked.add(name)
            case ast.If(test=ast.NamedExpr(target=ast.Name(id=name), value=value)):
                values[name].append(value)
                asked.add(name)
            case ast.Call() if error := error_of(node):
                for message in messages(node):
                    for name in _named(message):
                        told[name] += 1
                        errors[name].add(error)
            case ast.Global(names=names) | ast.Nonlocal(names=names):
                stores.update(names)
    return {
        name: errors[name].pop()
        for name in values
        if loads[name] == told[name]
        and stores[name] == len(values[name])
        and len(errors[name]) == 1
        and (name not in asked or all(isinstance(value, LISTS) for value in values[name]))
    }


def _named(message: ast.expr) -> Iterator[str]:
    """The variables that are parts of a message as they are."""
    match message:
        case ast.Name(id=name):
            yield name
        case ast.JoinedStr(values=parts) | ast.List(elts=parts) | ast.Tuple(elts=parts):
            for part in parts:
                yield from _named(part)
        case ast.FormattedValue(value=value) | ast.Starred(value=value):
            yield from _named(value)
        case ast.BinOp(op=ast.Add(), left=left, right=right):
            yield from (*_named(left), *_named(right))
        case ast.IfExp(body=body, orelse=other):
            yield from (*_named(body), *_named(other))
