"""LaTeX: the environment, and how tables are laid out."""

from dataclasses import replace
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


def panel(*cells: Cell, title: str = HOSTILE, detail: str = "", **changes: Any) -> Panel:
    columns = (
        HeaderCell("text", "Text", form="text"),
        HeaderCell("AVE", "AVE", "F_BERT", records=1_000),
    )
    text = Cell(HOSTILE, HOSTILE)
    rows = tuple(
        Row(f"{HOSTILE} {n}", "model", (text, cell), detail) for n, cell in enumerate(cells)
    )
    return Panel(title, "Model", columns, (RowGroup(HOSTILE, rows),), **changes)


def table(*panels: Panel, **layout: Any) -> Table:
    notes = (HOSTILE, "†: a note")
    return Table("ind", "results", HOSTILE, "tab:a_b", panels, notes, layout=Layout(**layout))


def floats(made: Table) -> list[str]:
    return render_table(TABULAR, FLOAT, made).floats.split(r"\begin{table")[1:]


def test_fragments_with_hostile_names_compile_with_booktabs_and_siunitx_alone(
    tmp_path: Path,
) -> None:
    cells = (
        Cell(0.5, "0.500", Interval(0.4, 0.6, reliable=False), marks=("best",)),
        Cell(0.4, "0.400", Interval(0.3, 1.0), marks=("second", "below_simple")),
        Cell(1.2, "1.200", marks=("doubled",)),
        Cell(-0.1, "-0.100", sd=0.01, marks=("significant",)),
        Cell(0.0001, "<0.001"),
        Cell(),
    )
    texts = []
    for layout in (Layout(), WIDE):
        for detail in ("strict", ""):
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


def number_cells(*cells: Cell) -> list[str]:
    """The cells of a column of numbers as LaTeX."""
    laid_out = Tabular(panel(*cells), "none")
    shown = [laid_out.cells(row) for row in laid_out.groups[0].rows]
    return [text.split(f"{escape(HOSTILE)} & ")[1] for text in shown]


@pytest.mark.parametrize(
    ("cell", "shown"),
    [
        (Cell(0.5, "0.500", marks=("best",)), r"\bfseries 0.500"),
        (Cell(-0.1, "-0.100", marks=("significant",)), r"\bfseries -0.100"),
        (Cell(0.4, "0.400", marks=("second",)), r"{\underline{0.400}}"),
        (Cell(), "{--}"),
        (Cell(0.0002, "<0.001"), r"{\textless{}0.001}"),
        # It would hang to the left of the decimal points.
        (Cell(40, "40"), "{40}"),
        (Cell(0.8, "0.800", marks=("doubled",)), r"0.800 {\rlap{\smash{$^{\dagger}$}}}"),
        (
            Cell(0.3, "0.300", marks=("second", "below_simple", "constant")),
            r"{\underline{0.300}{\rlap{\smash{$^{\downarrow=}$}}}}",
        ),
    ],
)
def test_a_number_is_set_as_its_marks_say_and_what_is_none_in_braces(
    cell: Cell, shown: str
) -> None:
    assert number_cells(cell, Cell(0.5, "0.500")) == [shown, "0.500"]


def test_numbers_are_aligned_at_the_decimal_point() -> None:
    for cells, form in (
        ([Cell(0.5, "0.500"), Cell()], "1.3"),
        ([Cell(-0.5, "-0.500"), Cell(12.0, "12.0")], "-2.3"),
        ([Cell(7, "7"), Cell(40, "40")], "2.0"),
    ):
        assert Tabular(panel(*cells), "none").types == f"lS[table-format={form}]"


@pytest.mark.parametrize(
    ("cell", "shown"),
    [
        (Cell(0.1, "0.100", Interval(-0.05, 0.25)), "[$-$.050,.250]"),
        (Cell(0.1, "0.100", Interval(-0.0001, 1.0)), "[.000,1.000]"),
        (Cell(0.1, "0.100", Interval(0.1, 0.2, reliable=False)), "[.100,.200]*"),
    ],
)
def test_intervals_stand_where_the_layout_says(cell: Cell, shown: str) -> None:
    spread = rf"{{\scriptsize {shown}}}"
    (row,) = panel(cell).rows
    below, none, beside = (Tabular(panel(cell), at) for at in ("below", "none", "beside"))  # type: ignore[arg-type]
    # A star takes no width below a number.
    assert below.spreads(row) == f" &  & {spread.replace('*', chr(92) + 'rlap{*}')}"
    assert none.spreads(row) is beside.spreads(row) is None
    assert none.cells(row) == f" & {escape(HOSTILE)} & 0.100"
    assert beside.cells(row) == f"{none.cells(row)} & {spread}"
    assert beside.types.endswith("l") and beside.width == 4
    assert beside.heads.endswith(r" & \multicolumn{2}{c}{AVE}")
    assert beside.records == r" & {} & \multicolumn{2}{c}{1,000}"


def test_bounds_in_many_columns_have_two_digits_so_that_they_do_not_touch() -> None:
    cell = Cell(0.1, "0.100", Interval(0.056, 0.254))
    for count, shown in ((7, "[.056,.254]"), (8, "[.06,.25]")):
        columns = tuple(HeaderCell(str(n), str(n)) for n in range(count))
        row = Row("A", "model", (cell,) * count)
        made = Tabular(Panel("", "Model", columns, (RowGroup("", (row,)),)), "below")
        assert str(made.spreads(row)).count(shown) == count


def test_only_neighbours_with_details_of_one_head_share_it() -> None:
    heads = [HeaderCell("a", "Ours", "released"), HeaderCell("b", "Ours", "strict")]
    heads += [HeaderCell("p", "p"), HeaderCell("q", "p", "Holm"), HeaderCell("m", "F_X", "F_X")]
    laid_out = Tabular(Panel("", "Task", tuple(heads), ()), "none")
    assert laid_out.heads == (r" & \multicolumn{2}{c}{Ours} & {\textit{p}} & {\textit{p}} & {F\_X}")
    assert laid_out.rules == r"\cmidrule(lr){2-3}"
    subscript = r"F\textsubscript{X}"
    assert laid_out.details == f" & {{released}} & {{strict}} & {{}} & {{Holm}} & {{{subscript}}}"
    assert laid_out.records is None


def test_rows_are_named_once_in_a_group_and_a_published_one_not_again() -> None:
    rows = tuple(Row("Small", "model", (Cell(1, "1"),), detail) for detail in ("strict", "any"))
    columns = (HeaderCell("PM", "PM", records=20),)
    groups = RowGroup("Small", rows), RowGroup("Other", rows[:1])
    (text,) = floats(table(Panel("", "Model", columns, groups)))
    assert "\\textit{n} &  & {20} \\\\\n\\midrule\nSmall & strict & 1 \\\\\n & any & 1 " in text
    assert "\\addlinespace\nSmall & strict" in text
    published = Row("Small (published)", "published", (), marks=("follows", "other_data"))
    assert Tabular(panel(), "none").name(published) == r"\quad published$^{\ddagger}$"


def test_panels_share_a_float_while_they_fit_a_page_and_the_others_refer_to_its_notes() -> None:
    cells = [Cell(0.1, "0.100")] * 15
    panels = [
        panel(*cells, title=one, float_title=one[0], notes=(f"Note {one}",))
        for one in ("A: 1", "B: 2", "B: 3")
    ]
    (mixed,) = floats(table(*panels[:2]))
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


def test_only_in_a_wide_float_groups_stand_side_by_side() -> None:
    made = panel(Cell(0.1, "0.100"))
    groups = tuple(RowGroup(f"Group {n}", made.groups[0].rows) for n in (1, 2))
    beside = replace(made, groups=groups, side_by_side=True)
    for wide in (False, True):
        (text,) = floats(table(beside, wide=wide))
        assert text.count(r"\begin{tabular}") == (2 if wide else 1)
        assert text.startswith("*}" if wide else "}")


def test_digits_are_written_as_people_do() -> None:
    (text,) = floats(table(panel(Cell(0.00555, "0.00555"))))
    assert "group-digits=none" in text and r"\def\textminus{\ensuremath{-}}" in text
