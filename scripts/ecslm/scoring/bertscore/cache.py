"""A cache of BERTScore values of pairs of texts, in files that never change.

Jobs on several machines may read and write at the same time: each file is written atomically and
named after the sha256 of its content. A file that does not match its name is removed, and its pairs
are scored again. The directory may be deleted at any time.
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

# The modules that determine the values and their storage. Other code of the script is left out:
# after an edit there the jobs rerun, but find their values here.
OWN_CODE = ("cache.py", "pairs.py")


class BertScoreCache:
    """The cached values of one encoder, layer, code and set of library versions."""

    def __init__(self, root: Path, made_from: Mapping[str, Any]) -> None:
        """
        Args:
            root: directory of all values, including those of other encoders.
            made_from: what determines the values, other than the pair and this project's code.
        """
        code = {name: sha256_of_file(Path(__file__).with_name(name)) for name in OWN_CODE}
        self._header = canonical_json({**made_from, "code": code})
        self._folder = root / sha256_of_text(self._header)[:24]
        # If this fails, it should fail before anything is scored.
        self._folder.mkdir(parents=True, exist_ok=True)

    def values(self, pairs: Iterable[Pair]) -> dict[Pair, Values]:
        """The values of the pairs that are in the cache."""
        wanted = {_digest(pair): pair for pair in pairs}
        found: dict[Pair, Values] = {}
        # Sorted, so that the same files always give the same values.
        for path in sorted(self._folder.glob("*.jsonl")):
            for digest, precision, recall, f1 in self._rows(path):
                if digest in wanted:
                    found.setdefault(wanted[digest], (precision, recall, f1))
        return found

    def add(self, values: Mapping[Pair, Values]) -> None:
        """Store values in a new file, whose first line says what they were made from."""
        rows = [canonical_json([_digest(pair), *numbers]) for pair, numbers in values.items()]
        text = "".join(f"{line}\n" for line in (self._header, *rows))
        write_text(self._folder / f"{sha256_of_text(text)}.jsonl", text)

    def _rows(self, path: Path) -> list[Any]:
        """The rows of a file, [digest of the pair, precision, recall, F1]; none if it is damaged or
        in the wrong directory."""
        try:
            content = path.read_bytes()
        except OSError as error:
            # Another job may have just removed it.
            log.warning("%s: skipped: %s", path, error.strerror)
            return []
        header, *rows = content.split(b"\n")[:-1] or [b""]
        if hashlib.sha256(content).hexdigest() != path.stem or header != self._header.encode():
            log.warning("%s: damaged: removed, its pairs are scored again", path)
            path.unlink(missing_ok=True)
            return []
        return [json.loads(row) for row in rows]


def _digest(pair: Pair) -> str:
    return sha256_of_text(canonical_json(pair))
