"""What stands below a figure, in the page and in the document."""

from collections.abc import Sequence

from ecslm.reports.settings import ReportFigure
from ecslm.tables.model import Table

INTERVALS = (
    "Bars are 95 % intervals over test records, dashed where they may be too narrow (*). "
    "Tuned models are filled; others, and values that cannot be compared, are hollow. Models whose "
    "answers are limited to valid ones are left out."
)
MARKS = " ‡: measured on other data. †: printed as twice a recall."
CHOSEN = (
    " \N{SECTION SIGN}: the best of several models, chosen by the test records themselves, which "
    "flatters it."
)
CROSSES = "Published rows whose size is known are crosses. "
COSTS = "seconds and money are in the table of costs"


def shows_published(tables: Sequence[Table]) -> bool:
    """Whether values that others have published stand beside the study's own."""
    rows = (row for table in tables for panel in table.panels for row in panel.rows)
    compared = any(table.kind == "reproduction" for table in tables)
    return compared or any(row.kind == "published" for row in rows)


def figure_caption(figure: ReportFigure, tables: Sequence[Table]) -> str:
    """The caption of a figure.

    Args:
        tables: of the study; it speaks of what they show alone.
    """
    own = [one for one in tables if one.name == figure.table]
    of_table = own[0].caption if own else ""
    chosen = any("chosen" in row.marks for one in own for panel in one.panels for row in panel.rows)
    published = shows_published(tables)
    match figure.kind:
        case "computation":
            costs = f"; {COSTS}" if any(one.kind == "cost" for one in tables) else ""
            return (
                f"{of_table}: score against computation. Floating-point operations per answer: two "
                "for each weight and each token of the prompt and the answer. It is what can be "
                f"told of cost whatever the machine{costs}. {INTERVALS}"
            )
        case "parameters":
            return (
                f"{of_table}: score against the parameters of the base model. Models of one base "
                f"are drawn beside each other. {CROSSES if published else ''}{INTERVALS}"
            )
        case "intervals":
            return (
                f"{of_table}: scores with their intervals. The dotted line is the best trivial "
                f"baseline. {INTERVALS}{MARKS if published else ''}{CHOSEN if chosen else ''}"
            )
        case "records":
            return (
                f"{of_table}: score against the number of training records. The models of a line "
                f"differ in nothing else. {INTERVALS}"
            )
        case "validation":
            return (
                "What training teaches: the share of right answers to the validation records of "
                "each task, by the number of training records that were seen; means over seeds. An "
                "answer is right if each of its tokens is the likeliest after those before it."
            )
        case "loss":
            return (
                "Losses of all trainings, a line for each seed. That of the training records is a "
                "mean over some steps. Of each training the step with the lowest loss of the "
                "validation records is kept."
            )
        case "rule_graph":
            return (
                "How the results are made: the rules of the workflow and the number of their jobs, "
                "from data and base weights down to reports. Each reads what those above it make."
            )
