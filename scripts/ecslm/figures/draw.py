"""All figures of a study, each with a description of what it shows, for those who cannot see it."""

from collections.abc import Iterator
from pathlib import Path

from matplotlib.figure import Figure

from ecslm.figures.against import draw_against
from ecslm.figures.intervals import draw_intervals
from ecslm.figures.panels import OPERATIONS, RECORDS
from ecslm.figures.scores import read_scores
from ecslm.figures.settings import FigureName, FiguresSettings
from ecslm.figures.training import draw_loss, draw_validation, read_logs


def draw_figures(
    settings: FiguresSettings, results: Path, published: Path
) -> Iterator[tuple[FigureName, Figure, str]]:
    """All figures, one after the other, with their descriptions.

    Raises:
        InputError: a file is missing, altered or invalid.
    """
    scores = read_scores(results, settings, published)
    logs = read_logs(results, settings)
    tables = {table.name: table for table in settings.tables}
    for name in settings.names():
        own = scores[scores["table"] == name.table]
        match name.kind:
            case "intervals":
                yield name, *draw_intervals(name.task, own[own["task"] == name.task], settings)
            case "computation":
                label = "Floating-point operations per answer"
                yield name, *draw_against("operations", label, OPERATIONS, own, settings)
            case "records":
                label, lines = "Training records, of all tasks together", tables[name.table].shares
                yield name, *draw_against("trained_on", label, RECORDS, own, settings, lines)
            case "loss":
                yield name, *draw_loss(logs, settings)
            case "validation":
                yield name, *draw_validation(logs, settings)
