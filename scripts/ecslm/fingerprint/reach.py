"""The code that a script can reach: the definitions it uses, and all that its modules execute."""

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from ecslm.fingerprint import known
from ecslm.fingerprint.errors_read import words_read
from ecslm.fingerprint.modules import Module, packages_of
from ecslm.fingerprint.names import (
    DEFINITION,
    DOCSTRING,
    SIGNATURE,
    STATEMENTS,
    WHOLE,
    Names,
    Node,
    Target,
    left_out,
)
from ecslm.fingerprint.scopes import Import
from ecslm.fingerprint.text import Handler, Text
from ecslm.fingerprint.writer import LOGGER


@dataclass
class Part:
    """A node with its text and, by the places in the text, what it refers to."""

    code: str
    edges: list[list[Target]] = field(default_factory=list)
    words: list[tuple[str, str]] = field(default_factory=list)


class Reach:
    """What a script, and modules that it loads by name, can reach."""

    def __init__(self, names: Names, script: str, modules: Iterable[str]) -> None:
        self._names, self._folder = names, names.folder
        self.parts: dict[Node, Part] = {}
        # Modules outside of the project; the standard library's change nothing when loaded.
        self.libraries: set[str] = set()
        self._modules: dict[str, Module] = {}
        self._waiting: list[Node] = []
        self._handlers: list[tuple[Module, Handler]] = []
        self._mentions: set[str] = set()
        # Modules any name of which may be used, imported ones too.
        self._open: set[str] = set()
        self.roots = self._start(script, tuple(modules))
        while self._waiting:
            while self._waiting:
                self._visit(self._waiting.pop())
            self._find_at_run_time()
        self._words()
        # Modules that execute nothing but definitions and imports.
        empty = {
            node for node, part in self.parts.items() if node.kind == STATEMENTS and not part.code
        }
        self.parts = {node: part for node, part in self.parts.items() if node not in empty}

    def _start(self, script: str, modules: tuple[str, ...]) -> list[Target]:
        self._load(self._folder.script(script))
        roots = [Target(Node(STATEMENTS, script), "script")]
        # The script's folder comes first where Python looks for modules, also for libraries.
        shadows = self._folder.alone & sys.stdlib_module_names
        for name in (*modules, *sorted(shadows)):
            roots.append(Target(Node(WHOLE, name), name if name in shadows else "module"))
        self._follow([roots])
        return roots

    def _import(self, bound: Import) -> None:
        """Note what an import loads."""
        if self._folder.has(bound.loads):
            for name in self._folder.loads(bound):
                if not left_out(name):
                    self._load(self._folder.module(name))
        elif bound.loads.split(".")[0] not in sys.stdlib_module_names:
            self.libraries.add(bound.loads)

    def _load(self, module: Module) -> None:
        """Note that a module's statements are executed."""
        if module.name in self._modules:
            return
        self._modules[module.name] = module
        self._waiting.append(Node(STATEMENTS, module.name))
        for bound in module.imports:
            self._import(bound)
            if bound.name == "*" and self._folder.has(bound.module):
                self._open.add(bound.module)
                self._waiting.append(Node(WHOLE, bound.module))

    def _visit(self, node: Node) -> None:
        if node in self.parts:
            return
        if node.module not in self._modules:
            for name in packages_of(node.module):
                self._load(self._folder.module(name))
        module = self._modules[node.module]
        if node.kind == DEFINITION:
            self._add(node, module, [module.text(node.number, definition=True)])
        elif node.kind == STATEMENTS:
            others = (
                n for n in range(len(module.statements)) if not self._names.defines(module, n)
            )
            self._add(node, module, [module.text(number, definition=False) for number in others])
        elif node.kind == SIGNATURE:
            self.parts[node] = Part(module.signature(node.number))
        elif node.kind == DOCSTRING:
            self.parts[node] = Part(module.docstring or "")
        else:
            self.parts[node] = Part("")
            self._export(node, module, self._own(module))

    def _add(self, node: Node, module: Module, texts: list[Text]) -> None:
        part = self.parts[node] = Part("\n".join(text.code for text in texts if text.code))
        for text in texts:
            if f"{module.name}.{self.display(node)}" not in known.REPORTING:
                self._handlers += ((module, handler) for handler in text.handlers)
            self._mentions |= text.mentions
            part.words += text.words
            for bound in text.imports:
                self._import(bound)
            if known.ANY_NAME in text.mentions:
                self._open.add(module.name)
                self._waiting.append(Node(WHOLE, module.name))
            edges = [self._names.targets(module, reference) for reference in text.references]
            part.edges += edges
            self._follow(edges)

    def _follow(self, edges: Iterable[Iterable[Target]]) -> None:
        for targets in edges:
            for node, label in targets:
                if node is not None:
                    self._waiting.append(node)
                elif label == known.ALL_MODULES or label.startswith(f"{known.ALL_MODULES}."):
                    self._open.add(known.ALL_MODULES)

    # Modules whose names are looked up at run time

    def _own(self, module: Module) -> Iterator[str]:
        """The names that a module defines, except those of loggers."""
        for name, found in module.names.items():
            if not isinstance(found, tuple) and found != LOGGER:
                yield name

    def _export(self, node: Node, module: Module, names: Iterable[str]) -> None:
        part = self.parts[node]
        there = part.code.split()
        found = sorted({*there, *names})
        if found == there:
            return
        part.code = " ".join(found)
        part.edges = [self._names.exported(module, name) for name in found]
        self._follow(part.edges)

    def _find_at_run_time(self) -> None:
        """Imported names of a whole module count if anything has their name, since that may mean
        them; and whatever is reached may be looked up in `sys.modules`."""
        if known.ALL_MODULES in self._open:
            self._open |= self._modules.keys()
            self._waiting += (
                Node(WHOLE, name) for name in self._modules if Node(WHOLE, name) not in self.parts
            )
        for node in [node for node in self.parts if node.kind == WHOLE]:
            module = self._modules[node.module]
            wanted = set(module.bindings)
            if node.module not in self._open:
                wanted &= self._mentions
                wanted -= {name for name, found in module.names.items() if self._is_python(found)}
            self._export(node, module, wanted)

    def _is_python(self, found: object) -> bool:
        """Whether a name is that of a logger or of a module outside of the project as a whole."""
        imports = found if isinstance(found, tuple) else ()
        return found == LOGGER or any(
            bound.name is None and not self._folder.has(bound.module) for bound in imports
        )

    # Words

    def _words(self) -> None:
        """Keep the words that the code itself reads: those of the kinds in `read`."""
        labels = {
            label.rpartition(".")[2]
            for part in self.parts.values()
            for targets in part.edges
            for node, label in targets
            if node is None
        }
        found = self._mentions | labels
        errors = words_read(self._names, self._handlers, bool(found & known.READS_ERRORS))
        self.read = frozenset(
            (
                *(f"error:{error}" for error in errors),
                *(kind for kind, names in known.READS.items() if found & names),
                *(["schema"] if found & known.FIELDS and found & known.SCHEMA_WORDS else []),
            )
        )
        for node, part in self.parts.items():
            kept = [text for kind, text in part.words if kind in self.read]
            if kept:
                part.code += "\nwords: " + " ".join(kept)
            if "name" in self.read and node.kind in (DEFINITION, STATEMENTS):
                part.code += f"\nnamed: {node.module} {self.display(node)}"

    # Names for people

    def display(self, node: Node) -> str:
        """What a node is called: the name of a definition, or nothing."""
        if node.kind in (DEFINITION, SIGNATURE):
            return self._modules[node.module].name_of(node.number) or ""
        return ""
