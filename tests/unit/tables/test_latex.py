import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from support.project import REPORT

from ecslm.common.errors import InputError
from ecslm.reports.document import compile_pdf
from ecslm.tables.latex import escape, render
from ecslm.tables.latex_panels import PanelLayout
from ecslm.tables.latex_tables import render_table
from ecslm.tables.model import (
    Cell,
    HeaderCell,
    Interval,
    IntervalsPlace,
    Layout,
    Panel,
    Row,
    RowGroup,
    Table,
)

TABULAR, FLOAT = REPORT / "tabular.tex.jinja", REPORT / "float.tex.jinja"

HOSTILE = "50%_A&B #1 {x} ~ ^ \\ $ < > |"


def panel(*cells: Cell, detail: str = "") -> Panel:
    columns = (
        HeaderCell("text", "Text", form="text"),
        HeaderCell("AVE", "AVE", "F_BERT", lower_is_better=False, records=1_000),
    )
    text = Cell(HOSTILE, HOSTILE)
    rows = tuple(
        Row(f"{HOSTILE} {n}", "model", (text, cell), detail) for n, cell in enumerate(cells)
    )
    return Panel("A_panel", "Model", columns, (RowGroup(HOSTILE, rows),))


def table(detail: str = "") -> Table:
    made = panel(
        Cell(0.5, "0.500", Interval(0.4, 0.6, reliable=False), marks=("best",)),
        Cell(0.4, "0.400", Interval(0.3, 1.0), marks=("second",)),
        Cell(1.2, "1.200", marks=("doubled",)),
        Cell(-0.1, "-0.100", sd=0.01, marks=("significant",)),
        Cell(0.0001, "<0.001"),
        Cell(),
        detail=detail,
    )
    second = replace(made, float_title=HOSTILE, notes=(HOSTILE,))
    return Table("ind", "results", HOSTILE, "tab:a_b", (made, second), (HOSTILE, "†: a note"))


@pytest.fixture
def compile_fragment(tmp_path: Path) -> Callable[[str], Path]:
    if shutil.which("latexmk") is None:
        pytest.fail(
            "latexmk is missing: apt-get install --no-install-recommends "
            "latexmk texlive-latex-recommended texlive-science"
        )

    def compile_it(fragment: str) -> Path:
        (tmp_path / "fragment.tex").write_text(fragment)
        tex = tmp_path / "whole.tex"
        tex.write_text(
            "\\documentclass{article}\\usepackage{booktabs}\\usepackage{siunitx}"
            "\\begin{document}\\input{fragment.tex}\\end{document}"
        )
        compile_pdf(tex, tmp_path / "whole.pdf")
        return tmp_path / "whole.pdf"

    return compile_it


def test_fragments_with_hostile_names_compile_with_booktabs_and_siunitx_alone(
    compile_fragment: Callable[[str], Path],
) -> None:
    layouts = Layout(), Layout(wide=True, intervals="beside")
    texts = []
    for layout in layouts:
        for detail in ("strict", ""):
            fragments = render_table(TABULAR, FLOAT, replace(table(detail), layout=layout))
            texts += [fragments.floats, fragments.tabulars]
    assert compile_fragment("\n".join(texts)).read_bytes().startswith(b"%PDF")


def test_the_same_document_gives_the_same_pdf_bytes(
    compile_fragment: Callable[[str], Path],
) -> None:
    assert compile_fragment("a").read_bytes() == compile_fragment("a").read_bytes()


def test_a_latex_error_is_one_line_with_its_place(
    compile_fragment: Callable[[str], Path],
) -> None:
    with pytest.raises(InputError, match=r"LaTeX failed: .*fragment\.tex:1: .*Undefined control"):
        compile_fragment("\\nonsense")


def test_without_latexmk_one_line_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(InputError, match=r"latexmk: not installed; .*apt-get install"):
        compile_pdf(tmp_path / "a.tex", tmp_path / "a.pdf")


def test_printed_values_are_escaped_without_being_asked(tmp_path: Path) -> None:
    template = tmp_path / "t.tex.jinja"
    template.write_text("{<< name >>} % << 1 + 1 >>\n")
    assert render(template, name="a_b") == "{a\\_b} % 2\n"


def test_an_undefined_name_is_an_error_that_names_the_template(tmp_path: Path) -> None:
    template = tmp_path / "t.tex.jinja"
    template.write_text("<< nmae >>")
    with pytest.raises(InputError, match=r"t\.tex\.jinja: 'nmae' is undefined"):
        render(template, name="x")


def test_a_broken_template_is_an_error_with_its_line(tmp_path: Path) -> None:
    template = tmp_path / "t.tex.jinja"
    template.write_text("a\n<% if %>")
    with pytest.raises(InputError, match=r"t\.tex\.jinja: line 2: "):
        render(template)


def number_cells(*cells: Cell, intervals: IntervalsPlace = "none") -> list[str]:
    """The cells of a column of numbers as LaTeX."""
    layout = PanelLayout(panel(*cells), intervals)
    shown = [layout.cells(row) for row in layout.groups[0].rows]
    return [text.split(f"{escape(HOSTILE)} & ")[1] for text in shown]


def number_type(*cells: Cell, intervals: IntervalsPlace = "none") -> str:
    """The type of a column with these numbers."""
    return PanelLayout(panel(*cells), intervals).types.removeprefix("l")


def test_best_is_bold_second_is_underlined_and_missing_is_two_hyphens() -> None:
    best, second = Cell(0.5, "0.500", marks=("best",)), Cell(0.4, "0.400", marks=("second",))
    assert number_cells(best, second, Cell()) == [
        r"\bfseries 0.500",
        r"{\underline{0.400}}",
        "{--}",
    ]


def test_a_marked_difference_is_bold_and_a_bound_stands_in_braces() -> None:
    cells = Cell(-0.1, "-0.100", marks=("significant",)), Cell(0.0002, "<0.001")
    assert number_cells(*cells) == [r"\bfseries -0.100", r"{\textless{}0.001}"]


def test_a_whole_number_among_decimals_stands_in_braces() -> None:
    assert number_cells(Cell(0.5, "0.500"), Cell(40, "40")) == ["0.500", "{40}"]
    assert number_cells(Cell(7, "7"), Cell(40, "40")) == ["7", "40"]


def test_signs_stand_after_a_number_and_have_a_place_in_their_column() -> None:
    cells = [
        Cell(0.1, "0.100", marks=("best", "below_simple")),
        Cell(0.2, "0.200", marks=("second",)),
        Cell(0.3, "0.300", marks=("second", "below_simple")),
        Cell(0.4, "0.400"),
    ]
    sign = r"{\smash{$^{\downarrow}$}}"
    assert number_cells(*cells) == [
        rf"\bfseries 0.100 {sign}",
        rf"{{\underline{{0.200}}\phantom{sign}}}",
        rf"{{\underline{{0.300}}{sign}}}",
        "0.400",
    ]
    assert number_type(*cells) == f"S[table-format=1.3,table-space-text-post={sign}]"
    doubled = number_cells(Cell(0.8, "0.800", marks=("doubled",)))
    assert doubled == [r"0.800 {\smash{$^{\dagger}$}}"]


def test_a_metric_is_set_with_its_subscript_wherever_it_stands() -> None:
    columns = (HeaderCell("metric", "Metric", "F_BERT", form="text"),)
    row = Row("AG", "other", (Cell("F_BERT", "F_BERT"),))
    layout = PanelLayout(Panel("", "Task", columns, (RowGroup("", (row,)),)), "none")
    assert layout.details == r" & {F\textsubscript{BERT}}"
    assert layout.cells(row) == r" & F\textsubscript{BERT}"


@pytest.mark.parametrize(
    ("cell", "shown"),
    [
        (Cell(0.1, "0.100", Interval(-0.05, 0.25)), "[$-$.050,.250]"),
        (Cell(0.1, "0.100", Interval(-0.0001, 1.0)), "[.000,1.000]"),
        (Cell(0.1, "0.100", Interval(0.1, 0.2), sd=0.01), "[.100,.200]"),
        (Cell(0.1, "0.100", sd=0.0125), r"$\pm$.013"),
    ],
)
def test_intervals_or_else_standard_deviations_stand_where_the_layout_says(
    cell: Cell, shown: str
) -> None:
    spread = rf"{{\scriptsize {shown}}}"
    (row,) = panel(cell).rows
    below, none, beside = (
        PanelLayout(panel(cell), place)  # type: ignore[arg-type]
        for place in ("below", "none", "beside")
    )
    assert below.spreads(row) == rf" &  & {spread}"
    assert none.spreads(row) is None
    assert spread not in none.cells(row)
    assert beside.spreads(row) is None
    assert beside.cells(row).endswith(f" & 0.100 & {spread}")
    assert beside.types.endswith("l") and beside.width == 4
    assert beside.heads.endswith(r" & \multicolumn{2}{c}{AVE}")
    assert beside.records == r" & {} & \multicolumn{2}{c}{1,000}"


def test_an_unreliable_interval_has_a_star_that_takes_no_width_below_a_number() -> None:
    cell = Cell(0.1, "0.100", Interval(0.1, 0.2, reliable=False))
    (row,) = panel(cell).rows
    spreads = PanelLayout(panel(cell), "below").spreads(row)
    assert spreads is not None and spreads.endswith(r"[.100,.200]\rlap{*}}")
    assert number_cells(cell, intervals="beside")[0].endswith("[.100,.200]*}")


def test_number_columns_are_aligned_at_the_decimal_point() -> None:
    assert number_type(Cell(0.5, "0.500"), Cell()) == "S[table-format=1.3]"
    assert number_type(Cell(-0.5, "-0.500"), Cell(12.0, "12.0")) == "S[table-format=-2.3]"


def test_neighbours_with_the_same_head_share_it() -> None:
    heads = [HeaderCell("a", "Ours", "released"), HeaderCell("b", "Ours", "strict")]
    made = Panel("", "Task", (*heads, HeaderCell("n", "n", form="count")), ())
    layout = PanelLayout(made, "none")
    assert layout.heads == r" & \multicolumn{2}{c}{Ours} & {n}"
    assert layout.details == " & {released} & {strict} & {}"
    assert layout.records is None


def test_a_published_row_below_its_model_is_not_named_again() -> None:
    row = Row("Small-EC (published)", "published", (), marks=("follows", "other_data"))
    made = Panel("", "Model", (), (RowGroup("", (row,)),))
    assert PanelLayout(made, "none").name(row) == r"\quad published$^{\ddagger}$"


def floats(made: Table) -> str:
    return render_table(TABULAR, FLOAT, made).floats


def test_a_wide_table_spans_both_columns() -> None:
    narrow = floats(table())
    assert r"\begin{table}[htbp]" in narrow and "table*" not in narrow
    wide = floats(replace(table(), layout=Layout(wide=True)))
    assert wide.count(r"\begin{table*}[htbp]") == wide.count(r"\end{table*}") == 2


def test_a_float_says_what_its_panel_adds_to_the_caption_and_where_the_notes_are() -> None:
    first, second = floats(table()).split(r"\end{table}")[:2]
    assert r"\label{tab:a_b}" in first and "a note" in first
    assert rf"\caption{{{escape(HOSTILE)}: {escape(HOSTILE)}}}\label{{tab:a_b-2}}" in second
    assert r"Notes: Table~\ref{tab:a_b}." in second and "a note" not in second
    assert escape(HOSTILE) in second.partition(r"\ref")[2]


def test_only_in_a_wide_float_groups_stand_side_by_side() -> None:
    made = panel(Cell(0.1, "0.100"), Cell(0.2, "0.200"))
    groups = tuple(RowGroup(f"Group {n}", made.groups[0].rows) for n in (1, 2))
    beside = replace(made, groups=groups, side_by_side=True)
    table_of_two = Table("c", "comparisons", "C", "tab:c", (beside,))
    assert floats(table_of_two).count(r"\begin{tabular}") == 1
    wide = replace(table_of_two, layout=Layout(wide=True))
    assert floats(wide).count(r"\begin{tabular}") == 2


def test_rows_that_say_what_they_measure_are_named_once_a_group() -> None:
    rows = tuple(Row("Small", "model", (Cell(1, "1"),), detail) for detail in ("strict", "any"))
    columns = (HeaderCell("PM", "PM", records=20),)
    made = Panel("", "Model", columns, (RowGroup("Small", rows), RowGroup("Other", rows[:1])))
    text = floats(Table("v", "validity", "V", "tab:v", (made,)))
    assert "\\textit{n} &  & {20} \\\\\n\\midrule\nSmall & strict & 1 \\\\\n & any & 1 " in text
    assert "\\addlinespace\nSmall & strict" in text


def test_fragments_load_no_package() -> None:
    for template in REPORT.glob("*.tex.jinja"):
        if template.name != "report.tex.jinja":
            assert not re.search(r"usepackage|RequirePackage", template.read_text())
