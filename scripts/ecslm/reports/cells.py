"""The origins of cells of tables: files with their sha256, and facts on the scores in them."""

from collections.abc import Sequence
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from ecslm.common.manifests import read_manifest, read_result
from ecslm.reports.facts import facts
from ecslm.schemas.metrics_file import MetricsFile
from ecslm.schemas.paths import METRICS, TABLE_MANIFEST
from ecslm.tables.inputs import source_name
from ecslm.tables.model import Cell, Table


class Origins:
    """The files that the cells of tables came from, numbered, each once."""

    def __init__(self, results: Path, tables: Sequence[Table]) -> None:
        """Raises:
        InputError: a manifest or a score is missing, altered or invalid.
        """
        self._results = results
        self._numbers: dict[str, int] = {}
        self._digests: dict[str, str] = {}
        for table in tables:
            manifest = results / TABLE_MANIFEST.format(table=table.name)
            if manifest.is_file():
                inputs = read_manifest(manifest).inputs
                # Cells name files that are elsewhere without their folder.
                self._digests |= {source_name(Path(path)): one for path, one in inputs.items()}
                self._digests |= inputs
            for row in (row for panel in table.panels for row in panel.rows):
                for source in (source for cell in row.cells for source in cell.sources):
                    self._numbers.setdefault(source, len(self._numbers))

    def of_cell(self, cell: Cell) -> str:
        """The numbers of a cell's files."""
        return " ".join(str(self._numbers[source]) for source in cell.sources)

    def as_json(self) -> list[dict[str, Any]]:
        """The files in the order of their numbers: path, sha256, and facts by setting."""
        return [
            {
                "path": source,
                "sha256": self._digests.get(str(self._results / source), self._digests.get(source)),
                "scores": self._of_file(source),
            }
            for source in self._numbers
        ]

    def _of_file(self, source: str) -> dict[str, Any]:
        if not fnmatch(source, METRICS.format(model="*", seed="*", task="*")):
            return {}
        found = read_result(self._results / source, MetricsFile).settings
        return {setting: dict(facts(scores)) for setting, scores in found.items()}
