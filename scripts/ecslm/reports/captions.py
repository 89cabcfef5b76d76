"""Captions of the figures, in the page and in the document."""

from collections.abc import Sequence

from ecslm.figures.settings import FigureName
from ecslm.tables.model import Table

INTERVALS = (
    "Bars are 95 % intervals over test records, dashed where they may be too narrow (*). Markers "
    "of tuned models are filled; those of others, and of what was printed as twice a recall, are "
    "hollow. Left out are models whose answers are limited to valid ones, and what was measured on "
    "other data."
)
CAPTIONS = {
    "computation": "{table}: score against computation. Floating-point operations per answer: two "
    "for each weight and each token of the prompt and the answer. This cost does not depend on the "
    f"machine{{costs}}. {INTERVALS}",
    "intervals": "{table}: scores with their intervals. The dotted line is the best simple "
    f"baseline, chosen without test records. {INTERVALS}{{marks}}",
    "records": "{table}: score against the number of training records. The models on a line "
    f"differ only in that number. {INTERVALS}",
    "validation": "Course of training: the share of right answers to the validation records of "
    "each task, by the number of training records seen so far; means over seeds. An answer is "
    "right if each of its tokens is the likeliest after those before it.",
    "loss": "Losses of all trainings, a line for each seed. The loss on training records is a mean "
    "over several steps. Each training keeps the step with the lowest loss on the validation "
    "records.",
}


def shows_published(tables: Sequence[Table]) -> bool:
    """Whether any table shows values that others have published."""
    rows = (row for table in tables for panel in table.panels for row in panel.rows)
    compared = any(table.kind == "reproduction" for table in tables)
    return compared or any(row.kind == "published" for row in rows)


def figure_caption(figure: FigureName, tables: Sequence[Table]) -> str:
    """The caption of a figure.

    Args:
        tables: those of the study; the caption only mentions what they show.
    """
    costs = any(one.kind == "cost" for one in tables)
    return CAPTIONS[figure.kind].format(
        table=next((one.caption for one in tables if one.name == figure.table), ""),
        costs="; time and money are in the table of costs" if costs else "",
        marks=" †: printed as twice a recall." if shows_published(tables) else "",
    )
