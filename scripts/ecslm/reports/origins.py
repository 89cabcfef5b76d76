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
        self._results, self._tables = results, tables
        rows = (row for table in tables for panel in table.panels for row in panel.rows)
        sources = (source for row in rows for cell in row.cells for source in cell.sources)
        self._numbers = {source: n for n, source in enumerate(dict.fromkeys(sources))}

    def of_cell(self, cell: Cell) -> str:
        """The numbers of a cell's files."""
        return " ".join(str(self._numbers[source]) for source in cell.sources)

    def files(self) -> list[dict[str, Any]]:
        """The files in the order of their numbers: path, sha256, and facts by setting.

        Raises:
            InputError: a manifest or a score is missing, altered or invalid.
        """
        digests: dict[str, str] = {}
        for table in self._tables:
            manifest = self._results / TABLE_MANIFEST.format(table=table.name)
            for path, digest in (
                read_manifest(manifest).inputs.items() if manifest.is_file() else ()
            ):
                # Cells name files of results by their place there, and others without their folder.
                inside = Path(path).is_relative_to(self._results)
                place = Path(path).relative_to(self._results) if inside else Path(path)
                digests[source_name(place)] = digest
        return [
            {"path": source, "sha256": digests.get(source), "scores": self._scores(source)}
            for source in self._numbers
        ]

    def _scores(self, source: str) -> dict[str, Any]:
        if not fnmatch(source, METRICS.format(model="*", seed="*", task="*")):
            return {}
        found = read_result(self._results / source, MetricsFile).settings
        return {setting: dict(facts(scores)) for setting, scores in found.items()}
