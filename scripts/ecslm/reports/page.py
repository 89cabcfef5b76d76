"""The report as one self-contained HTML page."""

import json
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup, escape

from ecslm.common.errors import InputError
from ecslm.common.files import read_json, read_text
from ecslm.reports.plots import interval_plots
from ecslm.reports.samples import read_samples
from ecslm.reports.settings import ReportSettings, adapter_manifests, base_names
from ecslm.schemas.paths import BASE, TABLE_JSON
from ecslm.tables.model import Cell, read_table

# Sources in the study's results directory, where the page is too: only these can be links.
LINKED = ("metrics/", "comparisons/", "dataset/", "predictions/", "adapters/", "latency/")


def render_page(settings: ReportSettings, results: Path, bases: Path, template: Path) -> str:
    """The page of a study, from its tables, manifests, predictions and outcomes.

    Raises:
        InputError: a file or the template is missing or invalid.
    """
    tables = [read_table(results / TABLE_JSON.format(table=name)) for name in settings.tables]
    manifests = {path: read_json(results / path) for path in adapter_manifests(settings)}
    manifests |= {
        f"../bases/{BASE.format(base=base)}": read_json(bases / BASE.format(base=base))
        for base in base_names(settings)
    }
    source = read_text(template)
    try:
        return (
            _environment()
            .from_string(source)
            .render(
                settings=settings,
                tables=tables,
                plots={t.name: interval_plots(t) for t in tables if t.kind == "results"},
                samples=read_samples(results, settings),
                manifests=manifests,
            )
        )
    except jinja2.TemplateSyntaxError as error:
        raise InputError(f"{template}: line {error.lineno}: {error.message}") from None
    except jinja2.UndefinedError as error:
        raise InputError(f"{template}: {error.message}") from None


def cell_link(cell: Cell) -> str | None:
    """The file to open for a cell: the first of its sources that the page can reach."""
    return next((source for source in cell.sources if source.startswith(LINKED)), None)


def metric_name(text: str) -> Markup:
    """A metric's name; the part after an underscore becomes a subscript: F_BERT."""
    name, _, subscript = text.partition("_")
    return Markup("{}<sub>{}</sub>").format(name, subscript) if subscript else escape(text)


def _environment() -> jinja2.Environment:
    made = jinja2.Environment(
        undefined=jinja2.StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters["metric"] = metric_name
    made.filters["pretty"] = _pretty
    made.globals["cell_link"] = cell_link
    return made


def _pretty(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)
