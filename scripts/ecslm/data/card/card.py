"""The data card: a description of a study's records in Markdown."""

from pathlib import Path

import jinja2
from pydantic import Field

from ecslm.common.errors import InputError
from ecslm.common.files import read_text
from ecslm.common.manifests import read_result
from ecslm.data.card.reports import Leakage, TaskDescription
from ecslm.data.report import Report
from ecslm.schemas.paths import DATA_CHECK, description_path, leakage_path
from ecslm.schemas.settings import Closed
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


class CardTask(Closed):
    """A task on the card."""

    code: str
    title: str = Field(description="Name in prose.")
    leakage: bool = Field(description="Whether its overlap with training was measured.")
    classes: bool = Field(False, description="Whether its score or baselines have classes.")


class CardSettings(Closed):
    """Everything except files that can change the card."""

    study: str = Field(description="Name of the study.")
    title: str = Field(description="Title of the study.")
    source: str = Field(description="Data source and revision.")
    license: str | None = Field(description="Licence of the records, null if unknown.")
    comparable: bool = Field(description="Whether the data are the published ECInstruct.")
    ranked_by_output: tuple[str, ...] = Field(
        description="Ranking tasks without labels: relevance is derived from the output's order."
    )
    template: str = Field(description="Name of the prompt template that lengths are measured with.")
    tolerated: tuple[str, ...] = Field(description="Kinds of problems whose rows are dropped.")
    tasks: tuple[CardTask, ...] = Field(description="The study's tasks, in order.")


def card_files(settings: CardSettings) -> list[str]:
    """The files that the card reads, relative to the study's results directory."""
    return [
        DATA_CHECK,
        *(description_path(task.code) for task in settings.tasks),
        *(leakage_path(task.code) for task in settings.tasks if task.leakage),
    ]


def render_card(template: Path, results: Path, settings: CardSettings) -> str:
    """The card's text.

    Raises:
        InputError: a report is missing or was modified, or the template is invalid.
    """
    environment = jinja2.Environment(
        undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True, autoescape=False
    )
    environment.filters |= {"cell": _cell, "code": _code}
    tasks = [task.code for task in settings.tasks]
    measured = [task.code for task in settings.tasks if task.leakage]
    try:
        return environment.from_string(read_text(template)).render(
            settings=settings,
            check=read_result(results / DATA_CHECK, Report),
            descriptions={
                one: read_result(results / description_path(one), TaskDescription) for one in tasks
            },
            leakage={one: read_result(results / leakage_path(one), Leakage) for one in measured},
            answers=ANSWERS,
        )
    except jinja2.TemplateSyntaxError as error:
        raise InputError(f"{template}: line {error.lineno}: {error.message}") from None
    except jinja2.UndefinedError as error:
        raise InputError(f"{template}: {error.message}") from None


def _cell(text: object) -> str:
    """Text that fits into one cell of a Markdown table."""
    return " ".join(str(text).split()).replace("|", "\\|")


def _code(text: str) -> str:
    """Text as a block of code, indented, so that nothing in it is Markdown."""
    cut = text if len(text) <= MOST_CHARACTERS else f"{text[:MOST_CHARACTERS]} ..."
    return "\n".join(f"    {line}" for line in cut.splitlines())
