"""The report as a LaTeX document, which inputs tables and figures."""

from pathlib import Path

from ecslm.reports.content import Content
from ecslm.reports.settings import ReportModel
from ecslm.tables.latex import Tex, render

MANY = 1_000_000


def render_document(content: Content, template: Path) -> str:
    """The document's text.

    Raises:
        InputError: the template is missing or invalid.
    """
    return render(
        template,
        content=content,
        settings=content.settings,
        # What a macro of the template returns, whose values are escaped already.
        tex=Tex,
        weights=weights_text,
        number=number_text,
    )


def weights_text(model: ReportModel) -> str:
    """How the weights of a model's base are stored and computed with."""
    precision = model.precision
    if precision is None:
        return "--"
    return precision.dtype if precision.quantization == "none" else f"NF4, {precision.dtype}"


def number_text(value: int) -> str:
    """A count, shortened to millions where it has many."""
    return f"{value / MANY:,.1f} M" if value >= MANY else f"{value:,}"
