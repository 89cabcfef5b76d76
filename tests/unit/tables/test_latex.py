import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from support.project import REPORT

from ecslm.common.errors import InputError
from ecslm.reports.pdf import compile_pdf
from ecslm.tables.kind import kind_names
from ecslm.tables.latex import cell_text, column_type, escape, render, render_table, spread_text
from ecslm.tables.model import Cell, HeaderCell, Interval, Panel, Row, RowGroup, Table

HOSTILE = "50%_A&B #1 {x} ~ ^ \\ $ < > |"


def panel(*cells: Cell) -> Panel:
    columns = (
        HeaderCell("metric", "Metric", form="text"),
        HeaderCell("AVE", "AVE", "F_BERT", lower_is_better=False),
    )
    text = Cell(HOSTILE, HOSTILE)
    rows = tuple(
        Row(f"{HOSTILE} {n}", "model", (text, cell), "strict") for n, cell in enumerate(cells)
    )
    return Panel("A_panel", "Model", columns, (RowGroup(HOSTILE, rows),))


def table(kind: str) -> Table:
    made = panel(
        Cell(0.5, "0.500", Interval(0.4, 0.6, reliable=False), marks=("best",)),
        Cell(0.4, "0.400", Interval(0.3, 1.0), marks=("second",)),
        Cell(1.2, "1.200", marks=("doubled",)),
        Cell(-0.1, "-0.100", sd=0.01, marks=("significant",)),
        Cell(0.0001, "<0.001"),
        Cell(),
    )
    return Table("ind", kind, HOSTILE, "tab:a_b", (made,), (HOSTILE, "†: a note"))


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


@pytest.mark.parametrize("kind", kind_names())
def test_a_fragment_with_hostile_names_compiles_with_booktabs_and_siunitx_alone(
    kind: str, compile_fragment: Callable[[str], Path]
) -> None:
    fragment = render_table(REPORT / f"{kind}.tex.jinja", table(kind))
    assert compile_fragment(fragment).read_bytes().startswith(b"%PDF")


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


def test_special_characters_are_escaped() -> None:
    assert escape("50%_A&B") == r"50\%\_A\&B"
    assert escape("\\{}") == r"\textbackslash{}\{\}"


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


def test_best_is_bold_second_is_underlined_and_missing_is_two_hyphens() -> None:
    made = panel(Cell(0.5, "0.500", marks=("best",)))
    assert cell_text(Cell(0.5, "0.500", marks=("best",)), made, 1) == r"\bfseries 0.500"
    assert cell_text(Cell(0.4, "0.400", marks=("second",)), made, 1) == r"{\underline{0.400}}"
    assert cell_text(Cell(), made, 1) == "{--}"


def test_a_marked_difference_is_bold_and_a_bound_stands_in_braces() -> None:
    made = panel(Cell(-0.1, "-0.100", marks=("significant",)))
    assert cell_text(Cell(-0.1, "-0.100", marks=("significant",)), made, 1) == r"\bfseries -0.100"
    assert cell_text(Cell(0.0002, "<0.001"), made, 1) == r"{\textless{}0.001}"


def test_below_a_value_stands_its_interval_or_else_its_spread_over_seeds() -> None:
    both = Cell(0.1, "0.100", interval=Interval(-0.05, 0.25, reliable=False), sd=0.01)
    assert spread_text(both) == r"{\tiny [-.050,.250]*}"
    assert spread_text(Cell(0.1, "0.100", sd=0.0125)) == r"{\tiny $\pm$.013}"
    assert spread_text(Cell(0.1, "0.100", interval=Interval(-0.0001, 1.0))) == (
        r"{\tiny [.000,1.000]}"
    )
    assert spread_text(Cell(0.1, "0.100")) == ""


def test_number_columns_are_aligned_at_the_decimal_point() -> None:
    assert column_type(panel(Cell(0.5, "0.500"), Cell()), 1) == "S[table-format=1.3]"
    wide = panel(Cell(-0.5, "-0.500"), Cell(12.0, "12.0"))
    assert column_type(wide, 1) == "S[table-format=-2.3]"


def test_fragments_load_no_package() -> None:
    for template in REPORT.glob("*.tex.jinja"):
        if template.name != "report.tex.jinja":
            assert not re.search(r"usepackage|RequirePackage", template.read_text())
