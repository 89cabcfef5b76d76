"""The report as one HTML page that needs no other file."""

import csv
import io
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import jinja2
from markupsafe import Markup, escape

from ecslm.common.errors import InputError
from ecslm.common.files import read_text
from ecslm.common.manifests import verify_result
from ecslm.figures.style import INK, LINE, PAPER, SOFT
from ecslm.reports.cells import Origins
from ecslm.reports.content import Content
from ecslm.reports.samples import read_samples, readable
from ecslm.reports.verdict import MARKS, panels_of, read_costs
from ecslm.schemas import paths
from ecslm.tables.model import Table

# Colours of figures that the page has its own of, which differ where it is dark.
THEME = {INK: "var(--ink)", SOFT: "var(--soft)", LINE: "var(--line)", PAPER: "var(--paper)"}
CSV = ("panel", "group", "row", "detail", "column", "measure", "value", "shown", "low", "high")


@dataclass(frozen=True)
class PageFiles:
    """What a page is made with: a Jinja template, and what is put into it."""

    template: Path
    style: Path
    script: Path


def render_page(content: Content, results: Path, files: PageFiles) -> str:
    """The page of a study, from its tables, figures, manifests, predictions and outcomes.

    Raises:
        InputError: a file or the template is missing, altered or invalid.
    """
    settings = content.settings
    origins = Origins(results, content.tables)
    tasks, answer = settings.context.tasks, [one for of in content.verdicts[:1] for one in of.tasks]
    values: Mapping[str, Any] = {
        "content": content,
        "settings": settings,
        "context": settings.context,
        "costs": read_costs(results, settings),
        "mark_words": MARKS,
        "confusions": [one for one in answer if one.confusion],
        "first_task": answer[0].task if answer else "",
        "figures": content.shown_figures,
        "origins": origins,
        "origins_json": _json_script(origins.as_json()),
        "samples": read_samples(results, settings),
        "card": _verified_text(results / paths.DATA_CARD) if settings.card else None,
        "style": Markup(read_text(files.style)),
        "script": Markup(read_text(files.script)),
        "svg": lambda name: _figure(results, content, name),
        "spelled": lambda name: tasks[name].title if name in tasks else name,
        "panels_of": lambda table: panels_of(table, settings),
        "rows_of": lambda table: max(sum(1 for _ in panel.rows) for panel in table.panels),
        "csv_link": lambda table: _link(table_csv(table), "text/csv"),
        "tex_link": lambda table: _link(
            read_text(results / paths.TABLE.format(table=table.name)), "text/plain"
        ),
    }
    source = read_text(files.template)
    try:
        return _environment().from_string(source).render(values)
    except jinja2.TemplateSyntaxError as error:
        raise InputError(f"{files.template}: line {error.lineno}: {error.message}") from None
    except jinja2.UndefinedError as error:
        raise InputError(f"{files.template}: {error.message}") from None


def metric_name(text: str) -> Markup:
    """A metric's name; the part after an underscore becomes a subscript: F_BERT."""
    name, _, subscript = text.partition("_")
    return Markup("{}<sub>{}</sub>").format(name, subscript) if subscript else escape(text)


def table_csv(table: Table) -> str:
    """The cells of a table as CSV, a line for each: exact value, text, interval, marks, sources."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow((*CSV, "sd", "marks", "sources"))
    for panel in table.panels:
        for group in panel.groups:
            for row in group.rows:
                for column, cell in zip(panel.columns, row.cells, strict=True):
                    low, high = (
                        (cell.interval.low, cell.interval.high) if cell.interval else (None,) * 2
                    )
                    names = (panel.title, group.title, row.name, row.detail)
                    numbers = (column.text, column.detail, cell.value, cell.shown, low, high)
                    marks = " ".join((*row.marks, *cell.marks))
                    writer.writerow((*names, *numbers, cell.sd, marks, " ".join(cell.sources)))
    return stream.getvalue()


def inline_svg(text: str, name: str, label: str) -> Markup:
    """An SVG file of matplotlib as an element of the page.

    Args:
        name: that of the figure, which its identifiers begin with.
        label: what the figure is called by a screen reader.
    """
    opening, _, rest = text[text.index("<svg") :].partition(">")
    # It names the program that drew the figure.
    rest = re.sub(r"\s*<metadata>.*?</metadata>", "", rest, flags=re.DOTALL)
    rest = re.sub(r'\b(id="|url\(#)', rf"\g<1>{name}-", rest)
    # As SVG 2 has it, without the namespace.
    rest = rest.replace('xlink:href="#', f'href="#{name}-')
    for colour, own in THEME.items():
        rest = rest.replace(colour, own)
    box = re.findall(r'viewBox="([^"]*)"', opening)[0]
    width, height = (float(side) for side in box.split()[2:])
    return Markup(
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="{}" role="img" aria-label="{}" '
        'style="--width:{:g}px;aspect-ratio:{:g}/{:g}">{}'
    ).format(box, label, width, width, height, Markup(rest))


def _environment() -> jinja2.Environment:
    made = jinja2.Environment(
        undefined=jinja2.StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters["metric"] = metric_name
    made.filters["readable"] = readable
    made.filters["pretty"] = lambda value: json.dumps(value, indent=2, ensure_ascii=False)
    made.filters["per_cent"] = lambda value: f"{100 * min(max(value, 0.0), 1.0):.1f}%"
    return made


def _figure(results: Path, content: Content, name: str) -> Markup:
    path = results / paths.FIGURE_SVG.format(figure=name)
    verify_result(path, results / paths.FIGURES_MANIFEST)
    return inline_svg(read_text(path), name, content.captions[name])


def _verified_text(path: Path) -> str:
    verify_result(path)
    return read_text(path)


def _link(text: str, kind: str) -> str:
    """A link to a file that is in the link itself; `kind` is its MIME type."""
    return f"data:{kind};charset=utf-8,{quote(text)}"


def _json_script(value: Any) -> Markup:
    """JSON as the content of a script element, which nothing in it can end."""
    return Markup(json.dumps(value, ensure_ascii=False).replace("<", "\\u003c"))
