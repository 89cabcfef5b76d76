"""Notes below a table: protocol, data, and the marks that occur in the table."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from ecslm.tables.model import Panel, Row
from ecslm.tables.settings import DataContext, ModelContext

UNRELIABLE = "too few records, or too few that decide: the true interval may be wider."

# A difference is marked if its adjusted p is below this level.
LEVEL = 0.05

STRICT = (
    "Scores of our rows are under the strict protocol: every test record counts, "
    "and an answer that cannot be parsed is wrong."
)


JOINT = (
    "The interval of a mean over seeds is over test records, each resampled with the outcomes of "
    "all seeds; it does not cover other seeds."
)


def data_note(data: DataContext) -> str:
    """The source of the records."""
    return f"Data: {data.source}."


def limit_notes(models: Mapping[str, ModelContext]) -> list[str]:
    """How the answers of the models are limited that are not free."""
    names: dict[str, list[str]] = {}
    for name, model in models.items():
        if model.limits is not None:
            names.setdefault(model.limits, []).append(name)
    return [
        f"{', '.join(some)}: {limits}; by construction no answer is invalid."
        for limits, some in names.items()
    ]


def mark_notes(panels: Iterable[Panel]) -> list[str]:
    """An explanation of each mark that occurs."""
    rows = list(_rows(panels))
    cells = [cell for row in rows for cell in row.cells]
    notes = []
    if any(cell.interval for cell in cells):
        notes.append("In brackets: 95\N{NO-BREAK SPACE}% intervals.")
    if any(cell.interval and not cell.interval.reliable for cell in cells):
        notes.append(f"*: {UNRELIABLE}")
    if any("doubled" in cell.marks for cell in cells):
        notes.append(
            "†: printed as twice a recall, not an F1*; not comparable with the other values "
            "of its column, and never marked as best."
        )
    if any("other_data" in row.marks for row in rows):
        notes.append("‡: published values, measured on other data; shown for scale only.")
    if any("significant" in cell.marks for cell in cells):
        notes.append(f"Bold: p adjusted by Holm's method is below {LEVEL}.")
    if any("best" in cell.marks for cell in cells):
        notes.append("Bold: best; underlined: second best.")
    if any(cell.value is None for cell in cells):
        notes.append("--: not reported, not measured or not defined.")
    return notes


def mean_note(seeds: int, spreads: Sequence[str], with_intervals: bool) -> str:
    """States that cells are means over seeds; gives `spreads` where cells show intervals."""
    if not with_intervals:
        return f"mean over {seeds} seeds; below it their standard deviation."
    return f"mean over {seeds} seeds; standard deviation over seeds: {', '.join(spreads)}."


def _rows(panels: Iterable[Panel]) -> Iterator[Row]:
    for panel in panels:
        for group in panel.groups:
            yield from group.rows
