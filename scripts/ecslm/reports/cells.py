"""The origins of cells of tables: files with their sha256, and facts on the scores in them."""

from collections.abc import Iterator, Sequence
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from ecslm.common.manifests import read_manifest, read_result
from ecslm.common.text import shown
from ecslm.schemas.metrics_file import MetricsFile, SettingScores
from ecslm.schemas.paths import METRICS, TABLE_MANIFEST
from ecslm.tables.model import Cell, Table, score_text
from ecslm.tables.sources import source_name


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
                "sha256": self._digests.get(
                    str(self._results / source), self._digests.get(source)
                ),
                "scores": self._of_file(source),
            }
            for source in self._numbers
        ]

    def _of_file(self, source: str) -> dict[str, Any]:
        if not fnmatch(source, METRICS.format(model="*", seed="*", task="*")):
            return {}
        found = read_result(self._results / source, MetricsFile).settings
        return {setting: dict(_facts(scores)) for setting, scores in found.items()}


def _facts(scores: SettingScores) -> Iterator[tuple[str, Any]]:
    """What is known of a score, in words; a confusion matrix as it is."""
    strict, answers, details = scores.strict, scores.answers, scores.strict.details
    if confusion := details.of_metric.get("confusion"):
        yield "Answers", confusion
    yield "Records", f"{scores.n:,}"
    yield "Invalid answers", f"{scores.n_invalid:,}"
    if scores.n_truncated is not None:
        yield "Answers cut off", f"{scores.n_truncated:,}"
    if answers is not None:
        yield "Different answers", f"{answers.distinct:,}"
        yield "Most frequent answer", f"{shown(answers.most_frequent)}, {answers.count:,} times"
    if strict.defined:
        yield "Strict score", score_text(strict.value)
    if strict.ci95 is not None and details.interval is not None:
        method = details.interval.method
        yield "95 % interval", " to ".join(map(score_text, strict.ci95))
        yield "Method", method + ("" if details.interval.reliable else ", may be too narrow")
    if details.lenient is not None and details.lenient.known is not None:
        yield "Score with the lenient parser", score_text(details.lenient.known)
    for protocol, value in (("released", scores.released), ("2024", scores.released_2024)):
        if value is not None and value.known is not None:
            yield f"Score by the {protocol} scorer", score_text(value.known)
        if value is not None and value.dropped is not None:
            yield f"Answers that the {protocol} scorer drops", f"{value.dropped:,}"
    for name, number in details.of_metric.items():
        if isinstance(number, dict):
            # The matrix has the counts too.
            if not (confusion and name in ("confusion", "counts")):
                yield _words(name), ", ".join(f"{of} {_number(one)}" for of, one in number.items())
        else:
            yield _words(name), _number(number)


def _words(name: str) -> str:
    return name.upper() if name in ("mcc", "npv") else name.replace("_", " ").capitalize()


def _number(value: float | int | None) -> str:
    if value is None:
        return "not defined"
    return score_text(value) if isinstance(value, float) else f"{value:,}"
