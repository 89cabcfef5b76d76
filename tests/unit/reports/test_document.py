"""The report as a LaTeX document."""

from pathlib import Path

from support.project import REPORT
from support.report_files import (
    CLAIMS,
    claims_table,
    content_of,
    own_table,
    report_settings,
    results_table,
    write_table,
)

from ecslm.reports.document import render_document
from ecslm.tables.model import Cell, Layout

KINDS = ("cost", "dataset", "parameters", "comparisons", "new", "reproduction")


def document_of(results: Path, **changes: object) -> str:
    content = content_of(results, report_settings(**changes))
    return render_document(content, REPORT / "report.tex.jinja")


def test_it_begins_with_the_answer_and_can_be_cited_by_title_and_commit(results: Path) -> None:
    write_table(results, claims_table(Cell(0.09, "0.090", marks=("significant",))))
    document = document_of(results, title="50%_A&B", **CLAIMS)
    parts = (
        *("\\section{Answer and cost", "Which model \\& at", "in 1 of 1 task: Product Matching."),
        *("\\rule{42.00mm}", "better than simple \\\\", "\\section{Data", "a shop \\& co"),
        *("\\section{Methods", "\\section{Results", "Ours \\& yours."),
        *("\\section{Limits", "\\section{Environment", "c0ffee", "torch 2.13.0"),
    )
    place = 0
    for part in parts:
        place = document.index(part, place)
    assert r"pdftitle={50\%\_A\&B}" in document
    assert document.count("c0ffee") >= 2
    assert "10 min" not in document, "clock values are in the table of costs alone"


def test_it_inputs_every_table_and_every_figure_once(results: Path) -> None:
    """Also one of a kind that has no place of its own: it is a result. Figures and texts fill what
    large tables leave of a page."""
    for kind in KINDS:
        layout = Layout(wide=kind != "new")
        write_table(results, results_table(name=kind, kind=kind, layout=layout))
    write_table(results, claims_table(Cell()))
    tables, names = [*KINDS, "claims", "ind"], ("computation", "records", "intervals", "loss")
    figures = [{"kind": name, "table": "ind"} for name in names]
    document = document_of(results, tables=tables, figures=figures)
    for table in tables:
        assert document.count(f"\\input{{tables/{table}.tex}}") == 1
    for name in names:
        assert document.count(f"{{figures/{name}_ind.pdf}}") == 1
    assert document.index("tables/cost.tex") < document.index("\\section{Data}")
    further = document.index("\\section{Further tables}")
    for part in ("figures/loss_ind", "tables/new.tex", "\\section{Environment}"):
        assert document.index(part) < further < document.index("tables/comparisons.tex")


def test_limits_are_those_of_the_study(results: Path) -> None:
    for source, comparable in (("a shop", False), ("NingLab/ECInstruct", True)):
        context = {"data": {"source": source, "comparable": comparable}}
        document = document_of(results, context=context, models=["Small-EC"])
        for words, expected in {
            "published values were measured, nor": not comparable,
            "ECInstruct is built from public data": comparable,
            "not run here: Small.": True,
            "trained with a single seed": True,
        }.items():
            assert (words in document) == expected, words


def test_a_study_of_its_own_is_not_measured_by_a_published_one(results: Path) -> None:
    write_table(results, own_table())
    document = document_of(results)
    assert not [one for one in ("published", "ecinstruct") if one in document.lower()]


def test_methods_tell_what_each_model_was_trained_on_and_nothing_of_models_elsewhere(
    results: Path,
) -> None:
    head = "Small-EC & Small & NF4, bfloat16 & "
    (row,) = (line for line in document_of(results).splitlines() if line.startswith(head))
    # 500 tokens in each of three passes.
    assert row.endswith(r" & 30 & 1,500 & 42 \\")
    precision = {"quantization": "none", "dtype": "auto"}
    auto = document_of(results, recipes={"Small": {"precision": precision}})
    assert r"Small & Small & bfloat16 or float32 & " in auto
    elsewhere = {
        name: {"seeds": [seed], "tasks": ["PM"]} for name, seed in (("Small", 0), ("Small-EC", 42))
    }
    recorded = document_of(results, recipes={}, context={"models": elsewhere})
    assert not [word for word in ("LoRA", "NF4", "tab:models", "adapter") if word in recorded]
