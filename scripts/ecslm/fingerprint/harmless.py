"""Finds statements that only define a name, so that they count only where the name is used.

All others may do something to the rest of the program, so they count wherever the module is loaded.
"""

import ast
from collections.abc import Callable

from ecslm.fingerprint import known
from ecslm.fingerprint.modules import Module
from ecslm.fingerprint.nodes import BUILTINS
from ecslm.fingerprint.scopes import FUNCTIONS, Function, children, walk
from ecslm.fingerprint.text import chain
from ecslm.fingerprint.writer import ACCESSORS

# What a dotted name in a module is: the full name of something outside of the project, a definition
# of the project, or None.
Found = str | tuple[Module, int] | None


class Definitions:
    """Tells definitions from other statements."""

    def __init__(self, find: Callable[[Module, tuple[str, ...]], Found]) -> None:
        self._find = find
        self._known: dict[tuple[str, int], bool] = {}

    def defines(self, module: Module, number: int) -> bool:
        """Whether a statement only binds one name, to the same thing whenever it is executed."""
        key = module.name, number
        if key not in self._known:
            # Until it is known otherwise, for what depends on itself.
            self._known[key] = False
            self._known[key] = self._defines(module, number)
        return self._known[key]

    def _defines(self, module: Module, number: int) -> bool:
        name, node = module.name_of(number), module.statements[number]
        if name is None or (name.startswith("__") and name != "__all__"):
            return False
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                return self._function(module, node)
            case ast.ClassDef():
                return self._class(module, node)
            case ast.Assign(value=value) | ast.AnnAssign(value=ast.expr() as value):
                return self._value(module, value)
        return False

    def _identity(self, module: Module, node: ast.AST) -> Found:
        names = chain(node)
        if not names:
            return None
        if names[0] not in module.bindings:
            return ".".join(("builtins", *names)) if names[0] in BUILTINS else None
        return self._find(module, names)

    # Functions and classes

    def _function(self, module: Module, node: Function, method: bool = False) -> bool:
        arguments = node.args
        defaults = [*arguments.defaults, *(one for one in arguments.kw_defaults if one)]
        return all(self._decorator(module, one, method) for one in node.decorator_list) and all(
            self._value(module, default) for default in defaults
        )

    def _decorator(self, module: Module, node: ast.expr, method: bool = False) -> bool:
        if isinstance(node, ast.Call):
            values = [*node.args, *(keyword.value for keyword in node.keywords)]
            if not all(self._value(module, value) for value in values):
                return False
            node = node.func
        if method and isinstance(node, ast.Attribute) and node.attr in ACCESSORS:
            return True
        return self._identity(module, node) in known.DECORATORS | known.READING_DECORATORS

    def _class(self, module: Module, node: ast.ClassDef) -> bool:
        keywords = all(
            keyword.arg not in (None, "metaclass") and isinstance(keyword.value, ast.Constant)
            for keyword in node.keywords
        )
        return (
            keywords
            and all(self._decorator(module, one) for one in node.decorator_list)
            and all(self._base(module, base) for base in node.bases)
            and all(self._in_class(module, statement) for statement in node.body)
        )

    def _base(self, module: Module, node: ast.expr) -> bool:
        """Whether nothing happens when a class is derived from a base."""
        found = self._identity(module, node.value if isinstance(node, ast.Subscript) else node)
        if isinstance(found, str):
            return found in known.BASES or found.startswith("builtins.")
        if found is None or not self.defines(*found):
            return False
        statement = found[0].statements[found[1]]
        if not isinstance(statement, ast.ClassDef):
            return False
        methods = {one.name for one in statement.body if isinstance(one, FUNCTIONS)}
        return not methods & {"__init_subclass__", "__pydantic_init_subclass__"}

    def _in_class(self, module: Module, node: ast.stmt) -> bool:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                return self._function(module, node, method=True)
            case ast.ClassDef():
                return self._class(module, node)
            case ast.Assign(targets=[ast.Name()], value=value):
                return self._value(module, value)
            case ast.AnnAssign(target=ast.Name(), annotation=annotation, value=value):
                return self._value(module, annotation) and (
                    value is None or self._value(module, value)
                )
        return isinstance(node, ast.Pass) or (
            isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        )

    # Values

    def _value(self, module: Module, node: ast.AST, taken: bool = False) -> bool:
        """Whether an expression does nothing but to give a value.

        Args:
            taken: whether the value is used up at once, so that an iterator will do.
        """
        match node:
            case ast.Call():
                return self._call(module, node, taken)
            case ast.GeneratorExp() if not taken:
                return False
            case ast.NamedExpr() | ast.Await() | ast.Yield() | ast.YieldFrom():
                return False
            case ast.Name() | ast.Attribute() if names := chain(node):
                return self._name(module, names)
            case ast.Lambda(args=arguments):
                defaults = [*arguments.defaults, *(one for one in arguments.kw_defaults if one)]
                return all(self._value(module, default) for default in defaults)
            case ast.Starred(value=value):
                return self._value(module, value, taken=True)
            case ast.comprehension(iter=iterable, ifs=conditions):
                return self._value(module, iterable, taken=True) and all(
                    self._value(module, condition) for condition in conditions
                )
        return all(self._value(module, child) for child in children(node))

    def _name(self, module: Module, names: tuple[str, ...]) -> bool:
        """Whether a dotted name is that of a definition, or of something outside of the project."""
        if names[0] not in module.bindings:
            return True
        starts = (names[:length] for length in range(1, len(names) + 1))
        found = next((one for one in (self._find(module, start) for start in starts) if one), None)
        return isinstance(found, str) or (found is not None and self.defines(*found))

    def _call(self, module: Module, node: ast.Call, taken: bool) -> bool:
        found, function = self._identity(module, node.func), node.func
        values = [*node.args, *(keyword.value for keyword in node.keywords)]
        if not all(self._value(module, value, taken=True) for value in values):
            return False
        if isinstance(found, str):
            return found in known.CONSTRUCTORS or (taken and found in known.ITERATORS)
        if found is not None:
            return self._plain(*found)
        if isinstance(function, ast.Attribute) and function.attr in known.METHODS:
            return self._own(module, function.value) and self._value(module, function.value)
        return False

    def _own(self, module: Module, node: ast.AST) -> bool:
        """Whether an object is of Python's own types or a constant, rather than a module."""
        names = chain(node)
        if not names:
            inner = node.value if isinstance(node, ast.Subscript | ast.Attribute) else node
            return not chain(inner) or self._own(module, inner)
        if names[0] not in module.bindings:
            return True
        found = self._find(module, names[:1])
        return isinstance(found, tuple) and not isinstance(
            found[0].statements[found[1]], (*FUNCTIONS, ast.ClassDef)
        )

    def _plain(self, module: Module, number: int) -> bool:
        """Whether a statement defines a class whose objects are made of their fields, by no code of
        the project."""
        node = module.statements[number]
        if not isinstance(node, ast.ClassDef) or not self.defines(module, number):
            return False
        methods = [one for one in node.body if isinstance(one, FUNCTIONS)]
        if any(one.name in known.HOOKS for one in methods):
            return False
        validating = any(
            str(self._identity(module, getattr(decorator, "func", decorator))).startswith(
                "pydantic"
            )
            for one in methods
            for decorator in one.decorator_list
        )
        factories = [
            keyword.value
            for one in walk(node)
            if isinstance(one, ast.Call)
            for keyword in one.keywords
            if keyword.arg == "default_factory"
        ]
        return (
            not validating
            and all(self._identity(module, one) in known.CONSTRUCTORS for one in factories)
            and all(self._plain_base(module, base) for base in node.bases)
        )

    def _plain_base(self, module: Module, node: ast.expr) -> bool:
        found = self._identity(module, node.value if isinstance(node, ast.Subscript) else node)
        if isinstance(found, tuple):
            return self._plain(*found)
        return found in known.OF_FIELDS | {"builtins.object", "typing.Generic", "typing.Protocol"}
