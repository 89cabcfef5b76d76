"""LaTeX: the environment, and how tables are laid out."""

from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from support.project import REPORT

from ecslm.common.errors import InputError
from ecslm.reports.document import compile_pdf
from ecslm.tables.latex import Tabular, escape, render, render_table
from ecslm.tables.model import Cell, HeaderCell, Interval, Layout, Panel, Row, RowGroup, Table

TABULAR, FLOAT = REPORT / "tabular.tex.jinja", REPORT / "float.tex.jinja"
HOSTILE = "50%_A&B #1 {x} ~ ^ \\ $ < > |"
WIDE = Layout(wide=True, intervals="beside")


HEADS = (
    *(HeaderCell("metric", "Metric", form="text"), HeaderCell("n", "n", form="count")),
    *(HeaderCell("a", "Ours", "F_X", records=1_000), HeaderCell("b", "Ours", "strict")),
    HeaderCell("p", "p"),
)


def row(name: str, *cells: Cell, **changes: Any) -> Row:
    shown = (Cell.text("F_X"), Cell.count(1_200, ()), *cells, *[Cell()] * (3 - len(cells)))
    return Row(name, "model", shown, **changes)


WIDE_INTERVAL = Interval(-0.0501, 0.25, reliable=False)
ROWS = (
    row("A_1", Cell(0.5, "0.500", WIDE_INTERVAL, marks=("best",)), Cell(40, "40")),
    row(
        "B",
        Cell(0.4, "0.4", Interval(-0.0001, 1.0), marks=("second", "below_simple", "constant")),
        *(Cell(12.0, "12.0"), Cell(0.0001, "<0.001")),
    ),
    row(
        "B (published)",
        *(Cell(0.9, "0.9", marks=("doubled",)), Cell(-1.5, "-1.5", marks=("significant",))),
        marks=("follows", "other_data"),
    ),
)


def panel(*cells: Cell, title: str = HOSTILE, detail: str = "", **changes: Any) -> Panel:
    columns = HeaderCell("text", "Text", form="text"), HeaderCell("AVE", "AVE", "F_BERT")
    text, name = Cell(HOSTILE, HOSTILE), f"{HOSTILE} 1"
    rows = tuple(Row(name, "model", (text, cell), detail) for cell in cells)
    return Panel(title, "Model", columns, (RowGroup(HOSTILE, rows),), **changes)


def table(*panels: Panel, **layout: Any) -> Table:
    notes = (HOSTILE, "†: a note")
    return Table("ind", "results", HOSTILE, "tab:a_b", panels, notes, layout=Layout(**layout))


def floats(made: Table) -> list[str]:
    whole, tabulars = render_table(TABULAR, FLOAT, made)
    begun, caption = r"\begin{tabular}", r"\caption{"
    assert tabulars.count(begun) == whole.count(begun)
    found = whole.split(r"\begin{table")[1:]
    assert [one.count(caption) for one in found] == [1] * len(found)
    assert caption not in tabulars
    return found


def test_fragments_with_hostile_names_compile_with_booktabs_and_siunitx_alone(
    tmp_path: Path,
) -> None:
    cells = [cell for one in ROWS for cell in one.cells[2:]]
    texts = []
    for layout, detail in product((Layout(), WIDE), ("strict", "")):
        second = panel(*cells, detail=detail, float_title=HOSTILE, notes=(HOSTILE,))
        made = replace(table(panel(*cells, detail=detail), second), layout=layout)
        texts += render_table(TABULAR, FLOAT, made)
    (tmp_path / "fragment.tex").write_text("\n".join(texts))
    tex, pdf = tmp_path / "whole.tex", tmp_path / "whole.pdf"
    tex.write_text(
        "\\documentclass{article}\\usepackage{booktabs}\\usepackage{siunitx}"
        "\\begin{document}\\input{fragment.tex}\\end{document}"
    )
    compile_pdf(tex, pdf)
    assert pdf.read_bytes().startswith(b"%PDF")


def test_values_are_escaped_without_being_asked_and_faults_of_a_template_have_their_place(
    tmp_path: Path,
) -> None:
    path = tmp_path / "t.tex.jinja"
    path.write_text("{<< name >>} % << 1 + 1 >>\n")
    assert render(path, name="a_b") == "{a\\_b} % 2\n"
    for text, problem in (("<< nmae >>", "'nmae' is undefined"), ("a\n<% if %>", "line 2: ")):
        path.write_text(text)
        with pytest.raises(InputError, match=rf"t\.tex\.jinja: {problem}"):
            render(path, name="x")


EXPECTED = r"""
\begin{tabular}[t]{@{}llrS[table-format=1.3]S[table-format=-2.1]S[table-format=1.3]@{}}
\toprule
Model & {Metric} & {\textit{n}} & \multicolumn{2}{c}{Ours} & {\textit{p}} \\\cmidrule(lr){4-5}
 & {} & {} & {F\textsubscript{X}} & {strict} & {} \\
\textit{n} & {} & {} & {1,000} & {} & {} \\
\midrule
\multicolumn{6}{@{}l}{\textit{50 \%}} \\
A\_1 & F\textsubscript{X} & 1,200 & \bfseries 0.500 & {40} & {--} \\
 &  &  & {SMALL [$-$.050,.250]\rlap{*}} &  &  \\[1pt]
\addlinespace
B & F\textsubscript{X} & 1,200 & UNDERLINED & 12.0 & {\textless{}0.001} \\
 &  &  & {SMALL [.000,1.000]} &  &  \\[1pt]
\quad published$^{\ddagger}$ & F\textsubscript{X} & 1,200 & DOUBLED & \bfseries -1.5 & {--} \\
\bottomrule
\end{tabular}
""".replace("SMALL", r"\fontsize{6}{7}\selectfont")
EXPECTED = EXPECTED.replace("DOUBLED", r"0.9 {\rlap{\smash{$^{\dagger}$}}}").replace(
    "UNDERLINED", r"{\underline{0.4}{\rlap{\smash{$^{\downarrow=}$}}}}"
)


def test_a_tabular_has_heads_numbers_marks_and_intervals_where_the_layout_says() -> None:
    groups = RowGroup("50 %", ROWS[:1]), RowGroup("", ROWS[1:])
    below, beside, none = (
        render_table(TABULAR, FLOAT, table(Panel("", "Model", HEADS, groups), intervals=at))[1]
        for at in ("below", "beside", "none")
    )
    assert EXPECTED in below
    small = r"{\fontsize{6}{7}\selectfont [$-$.050,.250]*}"
    assert rf"\bfseries 0.500 & {small} & {{40}}" in beside
    assert r"S[table-format=1.3]@{\hspace{2pt}}lS" in beside
    assert r"& \multicolumn{3}{c}{Ours} & {\textit{p}} \\\cmidrule(lr){4-6}" in beside
    assert r"& \multicolumn{2}{c}{F\textsubscript{X}} & {strict}" in beside
    lines = [line for line in EXPECTED.splitlines() if "[1pt]" not in line]
    assert "\n".join(lines) in none


def test_bounds_in_many_columns_have_two_digits_so_that_they_do_not_touch() -> None:
    cell = Cell(0.1, "0.100", Interval(0.056, 0.254))
    for count, shown in ((7, "[.056,.254]"), (8, "[.06,.25]")):
        columns = tuple(HeaderCell(str(n), str(n)) for n in range(count))
        cells = Row("A", "model", (cell,) * count)
        made = Tabular(Panel("", "Model", columns, (RowGroup("", (cells,)),)), "below")
        assert str(made.spreads(cells)).count(shown) == count


def test_rows_with_details_are_named_once_in_a_group() -> None:
    rows = tuple(Row("Small", "model", (Cell(1, "1"),), detail) for detail in ("strict", "any"))
    columns = (HeaderCell("PM", "PM", records=20),)
    groups = RowGroup("Small", rows), RowGroup("Other", rows[:1])
    (text,) = floats(table(Panel("", "Model", columns, groups)))
    assert "\\textit{n} &  & {20} \\\\\n\\midrule\nSmall & strict & 1 \\\\\n & any & 1 " in text
    assert "\\addlinespace\nSmall & strict" in text


def test_panels_share_a_float_while_they_fit_a_page_and_the_others_refer_to_its_notes() -> None:
    cells = [Cell(0.1, "0.100")] * 15
    panels = [
        panel(*cells, title=one, float_title=one[0], notes=(f"Note {one}",))
        for one in ("A: 1", "B: 2", "B: 3")
    ]
    (mixed,) = floats(table(*panels[:2]))
    assert "group-digits=none" in mixed and r"\def\textminus{\ensuremath{-}}" in mixed
    assert rf"\caption{{{escape(HOSTILE)}}}\label{{tab:a_b}}" in mixed
    assert mixed.count(r"\begin{tabular}") == 2 and r"\textit{A: 1}" in mixed
    # Those of one title stay together.
    first, second = floats(table(*panels))
    assert rf"\caption{{{escape(HOSTILE)}: A: 1}}\label{{tab:a_b}}" in first
    assert "a note" in first and "Note A: 1" in first
    assert r": B}\label{tab:a_b-2}" in second and r"\textit{2}" in second
    assert r"Notes: Table~\ref{tab:a_b}." in second and "Note B: 3" in second
    assert "a note" not in second
    many = [panel(*cells, float_title=str(n)) for n in range(5)]
    assert r": continued}\label{tab:a_b-2}" in floats(table(*many))[1]
