"""A table as LaTeX: a tabular for each panel, bare and in floats with caption and notes."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ecslm.tables.latex import Tex, render
from ecslm.tables.latex_panels import PanelLayout
from ecslm.tables.model import IntervalsPlace, Panel, Table

# From so many columns on, a smaller font: in one column of a document, and in two.
DENSE, DENSE_WIDE = 4, 8

# From so many rows on, a smaller font and lower lines, so that 55 rows fit a page.
TALL = 40
LOW = (
    r"\renewcommand{\arraystretch}{0.92}",
    r"\setlength{\aboverulesep}{1pt}\setlength{\belowrulesep}{2pt}",
)

# The tabulars of a float stand side by side where they fit.
BETWEEN = "\\hspace{1em}\n"


@dataclass(frozen=True)
class Float:
    """A float: its panels' tabulars, and the notes below."""

    title: str
    tabulars: Tex
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Fragments:
    """LaTeX to `\\input`: floats, and tabulars alone."""

    floats: str
    tabulars: str


def render_table(template: Path, float_template: Path, table: Table) -> Fragments:
    """The table as LaTeX.

    Args:
        template: a tabular, of a `panel` (`PanelLayout`) of the `table`.
        float_template: floats, from a `table` and its `floats`.

    Raises:
        InputError: a template is missing or invalid, or uses an undefined name.
    """
    floats = [
        Float(
            title=panels[0].float_title,
            tabulars=_tabulars(template, table, panels),
            notes=tuple(dict.fromkeys(note for panel in panels for note in panel.notes)),
        )
        for panels in _by_float(table.panels)
    ]
    return Fragments(
        floats=render(float_template, table=table, floats=floats),
        tabulars="\\par\\medskip\n".join(one.tabulars for one in floats),
    )


def _parts(panel: Panel) -> list[Panel]:
    """The panel's groups, if they can stand next to each other."""
    if not panel.side_by_side:
        return [panel]
    return [replace(panel, groups=(group,)) for group in panel.groups]


def _by_float(panels: Sequence[Panel]) -> list[list[Panel]]:
    """The panels of each float."""
    found: list[list[Panel]] = []
    for panel in panels:
        if panel.float_title or not found:
            found.append([])
        found[-1].append(panel)
    return found


def _tabulars(template: Path, table: Table, panels: Sequence[Panel]) -> Tex:
    """The panels' tabulars, with the settings that they need, in a group of their own."""
    layout = table.layout
    parts = [part for panel in panels for part in (_parts(panel) if layout.wide else [panel])]
    narrow = not layout.wide or len(parts) > len(panels)
    tall = any(len(list(part.rows)) > TALL for part in parts)
    most = DENSE if narrow else DENSE_WIDE
    dense = tall or any(len(part.columns) >= most for part in parts)
    title = panels[0].float_title
    made = [PanelLayout(part, layout.intervals, dense, title) for part in parts]
    setup = [
        r"\scriptsize" if dense else r"\footnotesize",
        r"\sisetup{mode=text,reset-text-series=false}",
        rf"\setlength{{\tabcolsep}}{{{_gap(made, layout.intervals, dense, narrow)}}}",
        r"\setlength{\lineskip}{2ex}",
        *(LOW if tall else ()),
    ]
    texts = BETWEEN.join(render(template, table=table, panel=one) for one in made)
    return Tex(f"{{{''.join(setup)}%\n{texts}\\par}}\n")


def _gap(
    panels: Sequence[PanelLayout], intervals: IntervalsPlace, dense: bool, narrow: bool
) -> str:
    """Half the space between columns: little where intervals take most of the width."""
    if not dense:
        return "3pt"
    if not any(panel.has_spreads for panel in panels) or (intervals == "beside" and not narrow):
        return "2.5pt"
    return "1.1pt" if narrow else "1.4pt"
