"""The data card: a description of a study's records in Markdown."""

from pathlib import Path
from typing import ClassVar

from ecslm.common.manifests import read_result
from ecslm.common.templates import render_template
from ecslm.data.reports import Leakage, Report, TaskDescription
from ecslm.schemas.paths import DATA_CHECK, DESCRIPTION, LEAKAGE
from ecslm.schemas.settings import JobSettings
from ecslm.schemas.task import Answer

# What a right answer is, by its type.
ANSWERS: dict[Answer, str] = {
    "yes_no": "yes or no",
    "choice": "the letter of an option",
    "ranking": "the letters of all products, the best first",
    "extraction": "a JSON list of attributes with their values and where these are written",
    "generation": "a text",
}
# Longer texts of examples are cut.
MOST_CHARACTERS = 600


class CardSettings(JobSettings):
    """Everything except files that can change the card.

    Attributes:
        study: name of the study.
        source: data source and revision.
        license: of the records, None if unknown.
        comparable: whether the data are the published ECInstruct.
        ranked_by_output: ranking tasks without labels, whose relevance the output's order gives.
        template: name of the prompt template that lengths are measured with.
        tolerated: kinds of problems whose rows are dropped.
        tasks: codes of the study's tasks and their names in prose, in order.
        compared: those whose overlap with training was measured.
    """

    LIBRARIES: ClassVar[tuple[str, ...]] = ("Jinja2",)

    study: str
    title: str
    source: str
    license: str | None
    comparable: bool
    ranked_by_output: tuple[str, ...]
    template: str
    tolerated: tuple[str, ...]
    tasks: tuple[tuple[str, str], ...]
    compared: tuple[str, ...]


def card_files(settings: CardSettings) -> list[str]:
    """The files that the card reads, relative to the study's results directory."""
    return [
        DATA_CHECK,
        *(DESCRIPTION.format(task=task) for task, _ in settings.tasks),
        *(LEAKAGE.format(task=task) for task in settings.compared),
    ]


def render_card(template: Path, results: Path, settings: CardSettings) -> str:
    """The card's text.

    Raises:
        InputError: a report is missing or was modified, or the template is invalid.
    """
    values = {
        "settings": settings,
        "check": read_result(results / DATA_CHECK, Report),
        "descriptions": {
            task: read_result(results / DESCRIPTION.format(task=task), TaskDescription)
            for task, _ in settings.tasks
        },
        "leakage": {
            task: read_result(results / LEAKAGE.format(task=task), Leakage)
            for task, _ in settings.tasks
            if task in settings.compared
        },
        "answers": ANSWERS,
    }
    return render_template(template, values, {"cell": _cell, "code": _code})


def _cell(text: object) -> str:
    """Text that fits into one cell of a Markdown table."""
    return " ".join(str(text).split()).replace("|", "\\|")


def _code(text: str) -> str:
    """Text as a block of code, indented, so that nothing in it is Markdown."""
    cut = text if len(text) <= MOST_CHARACTERS else f"{text[:MOST_CHARACTERS]} ..."
    return "\n".join(f"    {line}" for line in cut.splitlines())
