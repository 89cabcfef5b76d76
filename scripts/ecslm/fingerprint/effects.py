"""Expressions without effects: nothing changes if they are evaluated more often, or not at all."""

import ast
from collections.abc import Callable, Iterator

from ecslm.fingerprint import known
from ecslm.fingerprint.scopes import Comprehension, children


class Effects:
    """Tells expressions that change nothing from others."""

    def __init__(self, full_name: Callable[[ast.AST], str]) -> None:
        """
        Args:
            full_name: the full name of what `a.b.c` is, if it is not the project's; else empty.
        """
        self._full_name = full_name

    def none(self, node: ast.AST) -> bool:
        """Whether to evaluate an expression, once more or once less, changes nothing else."""
        match node:
            case ast.Starred(value=value):
                return self._again(value)
            case ast.Call():
                return self._none_of_call(node)
            case ast.Subscript(slice=ast.Constant() | ast.UnaryOp() | ast.Slice()):
                pass
            case ast.Subscript() | ast.Lambda() | ast.GeneratorExp():
                return False
            case ast.ListComp() | ast.SetComp() | ast.DictComp():
                return all(self._again(part.iter) for part in node.generators) and all(
                    map(self.none, _without_iterables(node))
                )
            case ast.NamedExpr() | ast.Await() | ast.Yield() | ast.YieldFrom():
                return False
        return all(map(self.none, children(node)))

    def _none_of_call(self, node: ast.Call) -> bool:
        function, name = node.func, self._full_name(node.func)
        values = [*node.args, *(keyword.value for keyword in node.keywords)]
        if name in known.LOOKS:
            return all(map(self.none, values))
        if name == "builtins.map" and len(values) == 2:
            return self._full_name(values[0]) in known.LOOKS and self._again(values[1])
        if name in known.TAKES:
            key = [one.value for one in node.keywords]
            several = len(node.args) > 1 and name in ("builtins.max", "builtins.min")
            fine = self.none if several else self._again
            return all(map(fine, node.args)) and all(map(self.none, key))
        if isinstance(function, ast.Attribute):
            if isinstance(function.value, ast.Constant | ast.JoinedStr):
                fine = self._again if function.attr == "join" else self.none
                return self.none(function.value) and all(map(fine, values))
            if function.attr in known.VIEWS and not values:
                return self.none(function.value)
        return False

    def _again(self, node: ast.expr) -> bool:
        """Whether an expression is harmless, and gives its items each time that it is iterated."""
        match node:
            case ast.List() | ast.Tuple() | ast.Set() | ast.Dict() | ast.Constant():
                return self.none(node)
            case ast.JoinedStr() | ast.ListComp() | ast.SetComp() | ast.DictComp():
                return self.none(node)
            case ast.GeneratorExp():
                return all(self._again(part.iter) for part in node.generators) and all(
                    map(self.none, _without_iterables(node))
                )
            case ast.Call():
                return self.none(node)
        return False


def _without_iterables(node: Comprehension) -> Iterator[ast.AST]:
    for part in node.generators:
        yield from (part.target, *part.ifs)
    for name in ("elt", "key", "value"):
        if hasattr(node, name):
            yield getattr(node, name)
