"""Finished batches of a prediction job, which survive a kill."""

import json
import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ecslm.common.files import json_line
from ecslm.prediction.backend import Generated


class FinishedBatches:
    """An append-only file with one line per batch. A line cut off by a kill is dropped."""

    def __init__(self, path: Path) -> None:
        self._path = path
        content = path.read_bytes() if path.exists() else b""
        whole = content[: content.rfind(b"\n") + 1]
        if whole != content:
            os.truncate(path, len(whole))
        self._lines: dict[int, Any] = {}
        for line in whole.splitlines():
            entry = json.loads(line)
            self._lines[entry["batch"]] = entry

    def __contains__(self, batch: int) -> bool:
        return batch in self._lines

    def add(self, batch: int, answers: Sequence[Generated], seconds: float) -> None:
        """Record a batch's answers and how long it took."""
        entry = {"batch": batch, "seconds": seconds, "answers": [asdict(a) for a in answers]}
        with self._path.open("a", encoding="utf-8") as stream:
            stream.write(json_line(entry))
        self._lines[batch] = entry

    def answers(self, batch: int) -> list[Generated]:
        """The answers of a finished batch, in the order of its prompts."""
        return [Generated(**answer) for answer in self._lines[batch]["answers"]]

    def seconds(self) -> float:
        """Seconds of generation of all finished batches, including those of killed runs."""
        return float(sum(entry["seconds"] for entry in self._lines.values()))
