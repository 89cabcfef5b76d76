"""The report as one HTML page that needs no other file."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from markupsafe import Markup, escape

from ecslm.common.files import read_text
from ecslm.common.manifests import verify_result
from ecslm.common.templates import render_template
from ecslm.figures.style import INK, LINE, PAPER, SOFT
from ecslm.reports.content import Content
from ecslm.reports.origins import Origins
from ecslm.reports.prices import read_prices
from ecslm.reports.samples import read_samples, readable
from ecslm.reports.verdict import MARKS, panels_of
from ecslm.schemas import paths

# Colours of figures that the page has its own of, which differ where it is dark.
THEME = {INK: "var(--ink)", SOFT: "var(--soft)", LINE: "var(--line)", PAPER: "var(--paper)"}


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
    tasks, answer = settings.context.tasks, [one for of in content.verdicts[:1] for one in of.tasks]
    figures: dict[str, list[str]] = {}
    for figure in settings.figures:
        title = content.captions[figure.name].partition(". ")[0]
        figures.setdefault(title, []).append(figure.name)

    def svg(name: str) -> Markup:
        path = results / paths.FIGURE_SVG.format(figure=name)
        verify_result(path, results / paths.FIGURES_MANIFEST)
        return inline_svg(read_text(path), name, content.captions[name])

    if settings.card:
        verify_result(results / paths.DATA_CARD)
    origins = Origins(results, content.tables)
    values: Mapping[str, Any] = {
        "content": content,
        "settings": settings,
        "context": settings.context,
        "costs": list(read_prices(results, settings)),
        "mark_words": MARKS,
        "confusions": [one for one in answer if one.confusion],
        "first_task": answer[0].task if answer else "",
        "figures": figures,
        "origins": origins,
        # As the content of a script element, which nothing in it can end.
        "origins_json": Markup(
            json.dumps(origins.files(), ensure_ascii=False).replace("<", r"\u003c")
        ),
        "samples": read_samples(results, settings),
        "card": read_text(results / paths.DATA_CARD) if settings.card else None,
        "style": Markup(read_text(files.style)),
        "script": Markup(read_text(files.script)),
        "svg": svg,
        "spelled": lambda name: tasks[name].title if name in tasks else name,
        "panels_of": lambda table: panels_of(table, settings),
        "tex": lambda table: read_text(results / paths.TABLE.format(table=table.name)),
    }
    filters: dict[str, Callable[..., Any]] = {
        "metric": metric_name,
        "readable": readable,
        "pretty": lambda value: json.dumps(value, indent=2, ensure_ascii=False),
        "per_cent": lambda value: f"{100 * min(max(value, 0.0), 1.0):.1f}%",
        "quoted": quote,
    }
    return render_template(files.template, values, filters, autoescape=True)


def metric_name(text: str) -> Markup:
    """A metric's name; the part after an underscore becomes a subscript: F_BERT."""
    name, _, subscript = text.partition("_")
    return Markup("{}<sub>{}</sub>").format(name, subscript) if subscript else escape(text)


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
