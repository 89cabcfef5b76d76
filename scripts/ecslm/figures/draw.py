"""All figures of a study, drawn from its results."""

from collections.abc import Iterator
from pathlib import Path

from matplotlib.figure import Figure

from ecslm.figures.inputs import TokensPerAnswer
from ecslm.figures.intervals import draw_intervals
from ecslm.figures.records import draw_records, training_records
from ecslm.figures.scores import read_scores
from ecslm.figures.settings import FigureName, FiguresSettings
from ecslm.figures.sizes import draw_computation, draw_parameters, read_sizes
from ecslm.figures.training import draw_loss, draw_validation, read_logs
from ecslm.tables.inputs import Inputs


def draw_figures(
    settings: FiguresSettings, inputs: Inputs, sizes: Path | None
) -> Iterator[tuple[FigureName, Figure]]:
    """All figures, one after the other.

    Args:
        sizes: the parameters of published models, as CSV, if they are known.

    Raises:
        InputError: a file is missing or broken.
    """
    results = inputs.results
    published = read_sizes(sizes) if sizes else {}
    tokens = TokensPerAnswer(results, settings)
    tables = {table: read_scores(settings, table, inputs) for table in settings.tables}
    for name in settings.names():
        scores = tables.get(name.table, [])
        match name.kind:
            case "intervals":
                (task,) = (one for one in scores if one.task == name.task)
                yield name, draw_intervals(task, settings)
            case "parameters":
                yield name, draw_parameters(scores, settings, published)
            case "computation":
                yield name, draw_computation(scores, settings, tokens)
            case "records":
                records = training_records(results, settings)
                yield name, draw_records(scores, settings.tables[name.table], settings, records)
            case "loss":
                yield name, draw_loss(read_logs(results, settings), settings)
            case "validation":
                yield name, draw_validation(read_logs(results, settings), settings)
