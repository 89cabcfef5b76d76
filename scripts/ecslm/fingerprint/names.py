"""Resolves the names in a module, through all imports, in the project or outside of it."""

from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

from ecslm.fingerprint import known
from ecslm.fingerprint.harmless import Definitions, Found
from ecslm.fingerprint.modules import Folder, Module
from ecslm.fingerprint.nodes import OF_MODULES
from ecslm.fingerprint.scopes import FUNCTIONS, Import
from ecslm.fingerprint.text import Reference

# Kinds of nodes.
DEFINITION, STATEMENTS, SIGNATURE, WHOLE, DOCSTRING = "definition", "", "signature", "whole", "doc"


class Node(NamedTuple):
    """A part of the code: a definition by its number, or all else that a module executes."""

    kind: str
    module: str
    number: int = -1


class Target(NamedTuple):
    """What a reference leads to: a node, or None for what is outside; and what it is called there.

    The label has what the node does not: attributes, names of statements, full names of the rest.
    """

    node: Node | None
    label: str


@cache
def left_out(module: str) -> bool:
    """Whether a module is one of those that reach no result."""
    return any(module == name or module.startswith(f"{name}.") for name in known.LEFT_OUT)


class Names:
    """Finds what names refer to."""

    def __init__(self, folder: Folder) -> None:
        self.folder = folder
        self._definitions = Definitions(self._find)

    def defines(self, module: Module, number: int) -> bool:
        """Whether a statement is a definition, which counts only where its name is used."""
        return self._definitions.defines(module, number)

    def targets(self, module: Module, reference: Reference) -> list[Target]:
        """What a reference leads to."""
        if reference.imported:
            found = (self._imported(one, reference.path, set()) for one in reference.imported)
            targets = [target for one in found for target in one]
        else:
            targets = list(self._bound(module, (reference.name, *reference.path), set()))
        if reference.called:
            return targets
        # Who gets a function may look at its name and annotations.
        return [*targets, *(one for target in targets for one in self._looked_at(target))]

    def exported(self, module: Module, name: str) -> list[Target]:
        """What a name of a module leads to, for those that find it at run time."""
        return self.targets(module, Reference(name, (), called=True))

    def _looked_at(self, target: Target) -> Iterator[Target]:
        node = target.node
        if node is not None and node.kind == DEFINITION and not target.label:
            statement = self.module(node.module).statements[node.number]
            if isinstance(statement, FUNCTIONS):
                yield Target(Node(SIGNATURE, node.module, node.number), "signature")

    def module(self, name: str) -> Module:
        """A module, or the script."""
        return self.folder.script(name) if name.endswith(".py") else self.folder.module(name)

    def _bound(
        self, module: Module, names: tuple[str, ...], seen: set[tuple[str, str]]
    ) -> Iterator[Target]:
        """What a dotted name in a module leads to."""
        name, *path = names
        if (module.name, name) in seen:
            return
        seen = {*seen, (module.name, name)}
        attributes = "".join(f".{one}" for one in path)
        found = module.bindings.get(name)
        if found is None:
            yield from self._unbound(module, name, attributes)
        for binding in found or ():
            if isinstance(binding, Import):
                yield from self._imported(binding, tuple(path), seen)
            elif self.defines(module, binding):
                yield Target(Node(DEFINITION, module.name, binding), attributes)
            else:
                yield Target(Node(STATEMENTS, module.name), f"{name}{attributes}")

    def _unbound(self, module: Module, name: str, attributes: str) -> Iterator[Target]:
        if name == "__doc__":
            yield Target(Node(DOCSTRING, module.name), attributes)
        elif name in OF_MODULES:
            yield Target(None, f"{name} of {module.name}{attributes}")
        else:
            # Whatever makes it: a star import, a module's `__getattr__`, `globals()`.
            yield Target(Node(WHOLE, module.name), f"{name}{attributes}")

    def _imported(
        self, bound: Import, path: tuple[str, ...], seen: set[tuple[str, str]]
    ) -> Iterator[Target]:
        names = (bound.name, *path) if bound.name else path
        if self.folder.has(bound.module):
            yield from self._in_module(bound.module, names, seen)
        else:
            yield Target(None, ".".join((bound.module, *names)))

    def _in_module(
        self, name: str, names: tuple[str, ...], seen: set[tuple[str, str]]
    ) -> Iterator[Target]:
        """What `names` are in a module of the project."""
        if left_out(name):
            yield Target(None, ".".join((name, *names)))
            return
        if not names:
            yield Target(Node(WHOLE, name), "")
            return
        module = self.folder.module(name)
        inner = f"{name}.{names[0]}"
        is_module = self.folder.path(inner) is not None
        if is_module:
            yield from self._in_module(inner, names[1:], seen)
        if names[0] in module.bindings or not is_module:
            yield from self._bound(module, names, seen)

    def _find(self, module: Module, names: tuple[str, ...]) -> Found:
        """The one thing that a dotted name is; None if it is several, or a part of something."""
        targets = list(self._bound(module, names, set()))
        if len(targets) != 1:
            return None
        ((node, label),) = targets
        if node is None:
            return label
        whole = node.kind == DEFINITION and not label
        return (self.module(node.module), node.number) if whole else None
