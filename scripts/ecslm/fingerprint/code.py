"""The code below a folder as it is now. Pure standard library, so that any Python can run it."""

from collections.abc import Iterable
from pathlib import Path

from ecslm.fingerprint.colours import digest_of, sha256
from ecslm.fingerprint.files import Files, python_files
from ecslm.fingerprint.kept import KeptDigests
from ecslm.fingerprint.modules import Folder, Module
from ecslm.fingerprint.names import DOCSTRING, WHOLE, Names
from ecslm.fingerprint.reach import Part, Reach

LENGTH = 32
LENGTH_OF_PARTS = 12


class Code:
    """The scripts and modules of a folder."""

    def __init__(
        self, root: Path, files: Files | None = None, kept: KeptDigests | None = None
    ) -> None:
        """
        Args:
            files: all Python files below the folder; those that are there now if it is left out.
            kept: digests of the same files that need not be computed again.
        """
        self._names = Names(Folder(root, python_files(root) if files is None else files))
        self._kept = kept
        self._reached: dict[tuple[str, tuple[str, ...]], Reach] = {}
        self._digests: dict[tuple[str, tuple[str, ...]], str] = {}

    def digest(self, script: str, modules: Iterable[str] = ()) -> str:
        """The digest of what a script can reach.

        Raises:
            CodeError: a file is missing or is not Python.
        """
        key = script, tuple(modules)
        if key not in self._digests:
            found = self._kept.get(*key) if self._kept else None
            if found is None:
                reach = self._reach(*key)
                found = digest_of(reach.parts, reach.roots, reach.libraries)[:LENGTH]
                if self._kept:
                    self._kept.put(*key, found)
            self._digests[key] = found
        return self._digests[key]

    def definitions(self, script: str, modules: Iterable[str] = ()) -> dict[str, dict[str, str]]:
        """Digests of the definitions that a script can reach, each for itself, by module.

        Raises:
            CodeError: a file is missing or is not Python.
        """
        reach = self._reach(script, tuple(modules))
        texts: dict[tuple[str, str], list[str]] = {}
        for node, part in reach.parts.items():
            if node.kind not in (WHOLE, DOCSTRING):
                texts.setdefault((node.module, reach.display(node)), []).append(_own(reach, part))
        found: dict[str, dict[str, str]] = {}
        for module, name in sorted(texts):
            digest = sha256(*sorted(texts[module, name]))[:LENGTH_OF_PARTS]
            found.setdefault(module, {})[name] = digest
        return found

    def imported_modules(self, script: str, modules: Iterable[str] = ()) -> set[str]:
        """All modules that files import, whatever is used of them.

        Raises:
            CodeError: a file is missing or is not Python.
        """
        folder, found = self._names.folder, set[str]()
        waiting = [*modules, *_imports(folder, folder.script(script))]
        while waiting:
            name = waiting.pop()
            if name not in found:
                found.add(name)
                waiting += _imports(folder, folder.module(name))
        return found

    def _reach(self, script: str, modules: tuple[str, ...]) -> Reach:
        key = script, modules
        if key not in self._reached:
            self._reached[key] = Reach(self._names, script, modules)
        return self._reached[key]


def _imports(folder: Folder, module: Module) -> list[str]:
    return [name for bound in module.every_import for name in folder.loads(bound)]


def _own(reach: Reach, part: Part) -> str:
    """A part with the names of what it refers to, but not their content."""
    names = [
        f"{reach.display(node) if node else ''} {label}"
        for targets in part.edges
        for node, label in targets
    ]
    return sha256(part.code, *names)
