"""What stands below a figure, in the page and in the document."""

from collections.abc import Mapping

from ecslm.reports.settings import ReportFigure

INTERVALS = (
    "Bars are 95 % intervals over test records, dashed where they are known to be too narrow (*). "
    "Tuned models are filled; others, and values that cannot be compared, are hollow. Models whose "
    "answers are limited to valid ones are left out."
)
MARKS = "‡: measured on other data. †: printed as twice a recall."


def figure_caption(figure: ReportFigure, captions: Mapping[str, str]) -> str:
    """The caption of a figure; `captions` are those of the tables."""
    of_table = captions.get(figure.table, "")
    match figure.kind:
        case "computation":
            return (
                f"{of_table}: score against computation. Floating-point operations per answer: two "
                "for each weight and each token of the prompt and the answer. It is what can be "
                "told of cost whatever the machine; seconds and money are in the table of costs. "
                f"{INTERVALS}"
            )
        case "parameters":
            return (
                f"{of_table}: score against the parameters of the base model. Models of one base "
                f"are drawn beside each other. Published rows whose size is known are crosses. "
                f"{INTERVALS}"
            )
        case "intervals":
            return (
                f"{of_table}: scores with their intervals. The dotted line is the best trivial "
                f"baseline. {INTERVALS} {MARKS}"
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
