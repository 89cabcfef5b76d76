"""The report as one HTML page that needs no other file."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup, escape

from ecslm.common.errors import InputError
from ecslm.common.files import read_text
from ecslm.common.manifests import verify_result
from ecslm.reports.cells import Origins
from ecslm.reports.content import Content
from ecslm.reports.downloads import data_link, table_csv
from ecslm.reports.inline_svg import inline_svg
from ecslm.reports.samples import read_samples
from ecslm.schemas import paths
from ecslm.tables.model import Table


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
    origins = Origins(results, settings, content.tables)
    titles = {task.code: task.title for task in settings.tasks}
    settings_of = {table.name: table.setting for table in settings.tables}
    values: Mapping[str, Any] = {
        "content": content,
        "settings": settings,
        "origins": origins,
        "origins_json": _json_script(origins.as_json()),
        "samples": read_samples(results, settings),
        "card": _verified_text(results / paths.DATA_CARD) if settings.card else None,
        "style": Markup(read_text(files.style)),
        "script": Markup(read_text(files.script)),
        "svg": lambda name: _figure(results, content, name),
        "spelled": lambda name: titles.get(name, name),
        "setting_of": lambda table: settings_of[table.name],
        "rows_of": _rows,
        "csv_link": lambda table: data_link(table_csv(table), "text/csv"),
        "tex_link": lambda table: data_link(
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
    return made


def _figure(results: Path, content: Content, name: str) -> Markup:
    path = results / paths.FIGURE_SVG.format(figure=name)
    # The rule graph has a manifest of its own.
    verify_result(path, results / paths.FIGURES_MANIFEST)
    return Markup(inline_svg(_verified_text(path), name, content.captions[name]))


def _verified_text(path: Path) -> str:
    verify_result(path)
    return read_text(path)


def _rows(table: Table) -> int:
    """Rows of the longest panel."""
    return max(sum(len(group.rows) for group in panel.groups) for panel in table.panels)


def _json_script(value: Any) -> Markup:
    """JSON as the content of a script element, which nothing in it can end."""
    return Markup(json.dumps(value, ensure_ascii=False).replace("<", "\\u003c"))


def _pretty(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)
