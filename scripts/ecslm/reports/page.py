"""The report as one HTML page that needs no other file."""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from markupsafe import Markup

from ecslm.common.files import read_text
from ecslm.common.manifests import manifest_of, read_manifest, verify_result
from ecslm.common.templates import render_template
from ecslm.common.tidy_rows import TidyRow, read_tidy
from ecslm.figures.style import INK, LINE, PAPER, SOFT
from ecslm.reports.content import Content
from ecslm.reports.samples import read_samples, readable, verdict_on
from ecslm.reports.settings import ReportSettings, listing_files
from ecslm.reports.verdict import MARKS, panels_of
from ecslm.reports.words import columns_of, facts
from ecslm.schemas import paths

# Colours of figures that the page has its own of, which differ where it is dark.
THEME = {INK: "var(--ink)", SOFT: "var(--soft)", LINE: "var(--line)", PAPER: "var(--paper)"}


def render_page(
    content: Content, results: Path, *, template: Path, style: Path, script: Path
) -> str:
    """The page of a study, from its tables, figures, manifests, data card, scores and answers.

    Raises:
        InputError: a file or the template is missing, altered or invalid.
    """
    settings, captions = content.settings, content.captions
    tasks = settings.context.tasks
    figures: dict[str, list[str]] = {}
    for name, caption in captions.items():
        figures.setdefault(caption.partition(". ")[0], []).append(name)
    cells = [*content.cells, *(task.score for of in content.verdicts for task in of.tasks)]
    sources = dict.fromkeys(source for cell in cells for source in cell.sources)
    numbers = {source: n for n, source in enumerate(sources)}
    released = bool(content.of_kind("reproduction"))
    origins = json.dumps(list(origins_of(sources, results, settings, released)), ensure_ascii=False)

    def svg(name: str) -> Markup:
        path = results / paths.FIGURE_SVG.format(figure=name)
        verify_result(path, results / paths.FIGURES_MANIFEST)
        return inline_svg(read_text(path), name, captions[name])

    if settings.card:
        verify_result(results / paths.DATA_CARD)
    values: Mapping[str, Any] = {
        "content": content,
        "mark_words": MARKS,
        "figures": figures,
        # The files behind a cell, by their numbers, and what is known of each: as the content of a
        # script element, which nothing in it can end.
        "behind": lambda cell: " ".join(str(numbers[source]) for source in cell.sources),
        "origins": Markup(origins.replace("<", r"\u003c")),
        "samples": read_samples(results, settings),
        "card": read_text(results / paths.DATA_CARD) if settings.card else None,
        "style": Markup(read_text(style)),
        "script": Markup(read_text(script)),
        "svg": svg,
        "spelled": lambda name: tasks[name].title if name in tasks else name,
        "panels_of": lambda table: panels_of(table, settings),
        "tex": lambda table: read_text(results / paths.TABLE.format(table=table.name)),
    }
    filters: dict[str, Callable[..., Any]] = {
        "readable": readable,
        "listed": json.loads,
        "verdict": verdict_on,
        "columns": columns_of,
        "pretty": lambda value: json.dumps(value, indent=2, ensure_ascii=False),
        "per_cent": lambda value: f"{100 * min(max(value, 0.0), 1.0):.1f}%",
    }
    return render_template(template, values, filters, autoescape=True)


def origins_of(
    sources: Iterable[str], results: Path, settings: ReportSettings, released: bool
) -> Iterator[dict[str, Any]]:
    """Of the files that cells came from: path, sha256 if they are results, and facts on their
    scores by setting.

    Raises:
        InputError: the scores, or a manifest, are altered or invalid.
    """
    digests: dict[Path, str] = {}
    for path in listing_files(settings):
        read = read_manifest(manifest_of(results / path)).inputs
        digests |= {Path(file): digest for file, digest in read.items()}
    scores: dict[str, dict[str, list[TidyRow]]] = {}
    for row in read_tidy(results / paths.SCORES_PARQUET):
        if row["seed"] is not None:
            scores.setdefault(row["source"], {}).setdefault(row["setting"], []).append(row)
    for source in sources:
        told = {of: dict(facts(rows, released)) for of, rows in scores.get(source, {}).items()}
        yield {"path": source, "sha256": digests.get(results / source), "scores": told}


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
