"""The names that a function binds, and the imports among them."""

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

Function = ast.FunctionDef | ast.AsyncFunctionDef
Comprehension = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
IMPORTS = (ast.Import, ast.ImportFrom)
# Where a node notes those below it.
CHILDREN = "children_of_node"


class Import(NamedTuple):
    """What an import binds a name to: a module, or something in it; and what it loads."""

    module: str
    name: str | None
    loads: str


@dataclass
class Scope:
    """The names of a function or a comprehension."""

    names: set[str] = field(default_factory=set)
    imports: dict[str, tuple[Import, ...]] = field(default_factory=dict)
    globals: set[str] = field(default_factory=set)
    nonlocals: set[str] = field(default_factory=set)
    # Local names of `parser.add_argument`.
    adders: set[str] = field(default_factory=set)
    # Variables for the words of an error, by its name.
    messages: dict[str, str] = field(default_factory=dict)


def bound_by(statement: ast.Import | ast.ImportFrom, package: str) -> Iterator[tuple[str, Import]]:
    """The names that an import statement binds; those of `*` stand under `*`."""
    if isinstance(statement, ast.Import):
        for alias in statement.names:
            bound = alias.asname or alias.name.split(".")[0]
            yield bound, Import(alias.name if alias.asname else bound, None, alias.name)
        return
    parts = package.split(".")[: max(0, package.count(".") + 2 - statement.level)]
    above = parts if statement.level else []
    module = ".".join([*above, *([statement.module] if statement.module else [])])
    for alias in statement.names:
        yield alias.asname or alias.name, Import(module, alias.name, module)


def scope_of(function: Function | ast.Lambda, package: str) -> Scope:
    """The scope of a function."""
    scope = Scope()
    arguments = function.args
    for group in (arguments.posonlyargs, arguments.args, arguments.kwonlyargs):
        scope.names |= {argument.arg for argument in group}
    scope.names |= {one.arg for one in (arguments.vararg, arguments.kwarg) if one}
    body = [function.body] if isinstance(function, ast.Lambda) else function.body
    for node in within(*body):
        _bind(scope, node, package)
    scope.names -= scope.globals | scope.nonlocals
    return scope


def comprehension_scope(node: Comprehension) -> Scope:
    """The names that the `for` parts of a comprehension bind."""
    return Scope({name for part in node.generators for name in stored(part.target)})


def stored(target: ast.AST) -> Iterator[str]:
    """The names that an assignment to a target binds."""
    for node in walk(target):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store | ast.Del):
            yield node.id


def children(node: ast.AST) -> list[ast.AST]:
    """The child nodes of a node, except `Load` and the like; stored in the node, since code is
    walked many times.
    """
    noted = vars(node)
    found: list[ast.AST] | None = noted.get(CHILDREN)
    if found is None:
        found = []
        for name in node._fields:
            value = noted.get(name)
            if isinstance(value, list):
                found += (one for one in value if isinstance(one, ast.AST))
            elif isinstance(value, ast.AST) and name != "ctx":
                found.append(value)
        noted[CHILDREN] = found
    return found


def walk(node: ast.AST) -> list[ast.AST]:
    """A node and all nodes in it, in the order of `ast.walk`, except `Load` and the like."""
    found = [node]
    for one in found:
        found += children(one)
    return found


def within(*nodes: ast.AST) -> list[ast.AST]:
    """All nodes that belong to the same scope: functions, classes and comprehensions inside are
    given, what is inside them is not, except for `:=` in comprehensions."""
    found: list[ast.AST] = []
    _add_within(nodes, found)
    return found


def _add_within(nodes: Iterable[ast.AST], found: list[ast.AST]) -> None:
    for node in nodes:
        found.append(node)
        if isinstance(node, (*FUNCTIONS, ast.ClassDef)):
            _add_within(node.decorator_list, found)
        elif isinstance(node, COMPREHENSIONS):
            found += _walruses(node)
        elif not isinstance(node, ast.Lambda):
            _add_within(children(node), found)


def _walruses(node: ast.AST) -> Iterator[ast.NamedExpr]:
    for child in children(node):
        if isinstance(child, ast.NamedExpr):
            yield child
        if not isinstance(child, ast.Lambda):
            yield from _walruses(child)


def _bind(scope: Scope, node: ast.AST, package: str) -> None:
    match node:
        case ast.Name(id=name, ctx=ast.Store() | ast.Del()):
            scope.names.add(name)
        case ast.NamedExpr(target=ast.Name(id=name)):
            scope.names.add(name)
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            scope.names.add(name)
        case ast.ExceptHandler(name=str(name)):
            scope.names.add(name)
        case ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
            scope.names.add(name)
        case ast.MatchMapping(rest=str(name)):
            scope.names.add(name)
        case ast.Global(names=names):
            scope.globals |= set(names)
        case ast.Nonlocal(names=names):
            scope.nonlocals |= set(names)
        case ast.Import() | ast.ImportFrom():
            for name, bound in bound_by(node, package):
                scope.imports[name] = (*scope.imports.get(name, ()), bound)
    match node:
        case ast.Assign(targets=[ast.Name(id=name)], value=ast.Attribute(attr="add_argument")):
            scope.adders.add(name)
