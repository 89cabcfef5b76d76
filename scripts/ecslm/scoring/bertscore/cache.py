"""BERTScore values of pairs of texts that were scored before, in files that never change.

Jobs on several machines may read and write at once: each file is written whole, under the sha256 of
its content. One that is not what its name says is removed, and its pairs are scored again. The
folder may be deleted at any time.
"""

import hashlib
import json
import logging
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ecslm.common.files import write_text
from ecslm.common.hashing import canonical_json, sha256_of_file, sha256_of_text

log = logging.getLogger(__name__)

# A prediction and its reference.
Pair = tuple[str, str]
# Precision, recall and F1.
Values = tuple[float, float, float]

# The modules that decide values and how they are kept. Not the digest of all the script's code: an
# edit elsewhere reruns the jobs, and they find their values here.
OWN_CODE = ("cache.py", "pairs.py")


class BertScoreCache:
    """The values that one encoder, layer, code and set of library versions have given."""

    def __init__(self, root: Path, made_from: Mapping[str, Any]) -> None:
        """
        Args:
            root: folder of all values, also of other encoders.
            made_from: what decides the values, beside the pair and this project's code.
        """
        code = {name: sha256_of_file(Path(__file__).with_name(name)) for name in OWN_CODE}
        self._header = canonical_json({**made_from, "code": code})
        self._folder = root / sha256_of_text(self._header)[:24]
        # Fails before anything is scored, where it must.
        self._folder.mkdir(parents=True, exist_ok=True)

    def values(self, pairs: Iterable[Pair]) -> dict[Pair, Values]:
        """The values of those of the pairs that were scored before."""
        wanted = {_digest(pair): pair for pair in pairs}
        found: dict[Pair, Values] = {}
        # In one order, so that the same files always give the same values.
        for path in sorted(self._folder.glob("*.jsonl")):
            for digest, precision, recall, f1 in self._rows(path):
                if digest in wanted:
                    found.setdefault(wanted[digest], (precision, recall, f1))
        return found

    def add(self, values: Mapping[Pair, Values]) -> None:
        """Keep values: a file of their own, whose first line says what they were made from."""
        rows = [canonical_json([_digest(pair), *numbers]) for pair, numbers in values.items()]
        text = "".join(f"{line}\n" for line in (self._header, *rows))
        write_text(self._folder / f"{sha256_of_text(text)}.jsonl", text)

    def _rows(self, path: Path) -> list[Any]:
        """The rows of a file, [digest of the pair, precision, recall, F1]; none if it is damaged or
        lies where it does not belong."""
        try:
            content = path.read_bytes()
        except OSError as error:
            # Another job may just have removed it.
            log.warning("%s: left out: %s", path, error.strerror)
            return []
        header, *rows = content.split(b"\n")[:-1] or [b""]
        if hashlib.sha256(content).hexdigest() != path.stem or header != self._header.encode():
            log.warning("%s: damaged: removed, its pairs are scored again", path)
            path.unlink(missing_ok=True)
            return []
        return [json.loads(row) for row in rows]


def _digest(pair: Pair) -> str:
    return sha256_of_text(canonical_json(pair))
