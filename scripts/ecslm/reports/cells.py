"""The origins of cells of tables: files with their sha256, and counts of the scores."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ecslm.common.manifests import read_manifest, read_result
from ecslm.common.text import shown
from ecslm.reports.settings import ReportSettings, score_files
from ecslm.schemas.metrics_file import MetricsFile, SettingScores
from ecslm.schemas.paths import TABLE_MANIFEST
from ecslm.tables.inputs import source_name
from ecslm.tables.model import Cell, Table


class Origins:
    """The files that the cells of tables came from, numbered, each once."""

    def __init__(self, results: Path, settings: ReportSettings, tables: Sequence[Table]) -> None:
        """Raises:
        InputError: a manifest or a score is missing, altered or invalid.
        """
        self._numbers: dict[str, int] = {}
        digests: dict[str, str] = {}
        for table in tables:
            manifest = results / TABLE_MANIFEST.format(table=table.name)
            if manifest.is_file():
                inputs = read_manifest(manifest).inputs
                # Cells name files that are elsewhere without their folder.
                digests |= {source_name(Path(path)): digest for path, digest in inputs.items()}
                digests |= inputs
            for panel in table.panels:
                for group in panel.groups:
                    for row in group.rows:
                        for cell in row.cells:
                            for source in cell.sources:
                                self._numbers.setdefault(source, len(self._numbers))
        self._digests = {
            source: digests.get(str(results / source), digests.get(source))
            for source in self._numbers
        }
        self._scores = {
            path: read_result(results / path, MetricsFile)
            for path in score_files(settings)
            if path in self._numbers
        }

    def of_cell(self, cell: Cell) -> str:
        """The numbers of a cell's files."""
        return " ".join(str(self._numbers[source]) for source in cell.sources)

    def as_json(self) -> list[dict[str, Any]]:
        """The files in the order of their numbers: path, sha256, and scores by setting."""
        return [
            {"path": source, "sha256": self._digests[source], "scores": self._of_file(source)}
            for source in self._numbers
        ]

    def _of_file(self, source: str) -> dict[str, Any]:
        found = self._scores.get(source)
        settings = {} if found is None else found.settings
        return {setting: _facts(scores) for setting, scores in settings.items()}


def _facts(scores: SettingScores) -> dict[str, Any]:
    """The facts on a score, in words, without those that are not known."""
    strict, answers = scores.strict, scores.answers
    facts: dict[str, Any] = {
        "Records": scores.n,
        "Invalid answers": scores.n_invalid,
        "Answers cut off": scores.n_truncated,
        "Different answers": answers and answers.distinct,
        "Most frequent answer": answers and f"{shown(answers.most_frequent)}, {answers.count:,}",
        "Strict score": strict.value if strict.defined else None,
    }
    if strict.ci95 is not None and strict.details.interval is not None:
        method = strict.details.interval
        facts["95 % interval"] = "{:.3f} to {:.3f}".format(*strict.ci95)
        facts["Method"] = method.method + ("" if method.reliable else ", may be too narrow")
    lenient = strict.details.lenient
    facts["Score with the lenient parser"] = None if lenient is None else lenient.known
    for protocol, value in (("released", scores.released), ("2024", scores.released_2024)):
        facts[f"Score by the {protocol} scorer"] = None if value is None else value.known
        facts[f"Answers that the {protocol} scorer drops"] = (
            None if value is None else value.dropped
        )
    facts["Counts"] = strict.details.of_metric
    return {name: value for name, value in facts.items() if value not in (None, {})}
