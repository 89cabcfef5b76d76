"""Digests that earlier processes have computed, kept as Python keeps bytecode: beside the code.

To analyse all code takes a second, which each start of Snakemake and each job would wait for. What
decides a digest is the content of the files, the code that computes it and the version of Python;
digests that were kept of anything else are not used.
"""

import hashlib
import json
import os
import sys
from collections.abc import Iterable
from contextlib import suppress
from importlib.util import cache_from_source
from pathlib import Path

from ecslm.fingerprint.files import Files, python_files


class KeptDigests:
    """The digests of the code below a folder, by script and the modules that it loads by name."""

    def __init__(self, root: Path, files: Files) -> None:
        """
        Args:
            files: all Python files below the folder.
        """
        self._path = Path(cache_from_source(str(root / "digests.py"))).with_suffix(".json")
        self._origin = _origin(files)
        self._digests = self._read()

    def get(self, script: str, modules: Iterable[str]) -> str | None:
        """The digest of a script, if it is known."""
        return self._digests.get(_name(script, modules))

    def put(self, script: str, modules: Iterable[str], digest: str) -> None:
        """Keep a digest, where Python may keep bytecode."""
        # Other processes may have added some.
        self._digests = {**self._read(), **self._digests, _name(script, modules): digest}
        if sys.dont_write_bytecode:
            return
        content = json.dumps({"origin": self._origin, "digests": self._digests}, indent=1)
        temporary = self._path.with_suffix(f".{os.getpid()}.tmp")
        # A folder of code need not be writable.
        with suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            temporary.write_text(content, encoding="utf-8")
            temporary.replace(self._path)

    def _read(self) -> dict[str, str]:
        """What is kept of the same code; a broken file has nothing."""
        try:
            content = json.loads(self._path.read_bytes())
            digests = content["digests"] if content["origin"] == self._origin else {}
            return {str(name): str(digest) for name, digest in digests.items()}
        except (OSError, ValueError, LookupError, TypeError, AttributeError):
            return {}


def _origin(files: Files) -> str:
    """The digest of all that decides the digests."""
    found = hashlib.sha256(sys.version.encode())
    for each in (python_files(Path(__file__).parent), files):
        for name, content in sorted(each.items()):
            found.update(f"\n{name} {len(content)}\n".encode())
            found.update(content)
    return found.hexdigest()


def _name(script: str, modules: Iterable[str]) -> str:
    return " ".join((script, *modules))
