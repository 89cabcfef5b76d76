"""The report as a LaTeX document."""

from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest
from support.project import REPORT
from support.report_files import (
    HOSTILE,
    content_of,
    own_table,
    report_settings,
    results_table,
    write_results,
    write_table,
)

from ecslm.figures.settings import FigureName
from ecslm.reports.document import render_document
from ecslm.schemas.task import METRICS
from ecslm.scoring.metrics.protocol import metric
from ecslm.tables.model import Cell, Row, RowGroup

TEMPLATE = REPORT / "report.tex.jinja"


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """The results of a small study."""
    return write_results(tmp_path / "demo")


def document_of(results: Path, **changes: object) -> str:
    return render_document(content_of(results, report_settings(**changes)), TEMPLATE)


def test_the_document_has_its_parts_in_order(results: Path) -> None:
    document = document_of(results)
    parts = ("Question and answer", "Data", "Methods", "Results", "Deviations from the published")
    more = ("Limits", "Compute and cost", "Environment", "Intervals: Results")
    places = [document.index(f"\\section{{{part}") for part in (*parts, *more)]
    assert places == sorted(places)


def test_it_can_be_cited_by_title_and_commit(results: Path) -> None:
    document = document_of(results)
    assert "pdftitle={A title}" in document
    assert "pdfsubject={Which model \\& at what price?}" in document
    assert "\\title{A title}" in document
    assert document.count("c0ffee") >= 2
    assert "torch 2.13.0" in document


def test_it_inputs_every_table_and_every_figure_once(results: Path) -> None:
    """Also one of a kind that has no place of its own: it is a result."""
    kinds = ("claims", "cost", "dataset", "parameters", "comparisons", "new")
    for kind in kinds:
        write_table(results, results_table(name=kind, kind=kind, label=f"tab:{kind}"))
    write_table(results, results_table(name="again", kind="reproduction", label="tab:again"))
    tables = [{"name": kind, "kind": kind} for kind in kinds]
    tables += [{"name": "ind", "kind": "results"}, {"name": "again", "kind": "reproduction"}]
    figures = [
        {"kind": name, "table": table}
        for name, table in (
            *(("computation", "ind"), ("records", "ind")),
            *(("intervals", "ind"), ("loss", "")),
        )
    ]
    document = document_of(results, tables=tables, figures=figures)
    for table in tables:
        assert document.count(f"\\input{{tables/{table['name']}.tex}}") == 1
    for figure in figures:
        name = FigureName.model_validate(figure).name
        assert document.count(f"\\includegraphics{{figures/{name}.pdf}}") == 1


def test_text_is_escaped(results: Path) -> None:
    write_table(results, results_table(caption=HOSTILE + " 50%_A&B"))
    document = document_of(results, title="50%_A&B")
    assert r"\title{50\%\_A\&B}" in document
    assert r"50\%\_A\&B" in document.partition("\\section{Results")[2]
    assert r"a shop \& co" in document


def test_deviations_are_those_of_the_settings_of_training(results: Path) -> None:
    document = document_of(results, not_run=["Large"])
    assert "Learning rate 0.5 instead of 0.0001: all tuned models." in document
    assert "Max val records 60 instead of no limit: all tuned models." in document
    assert "not those of the published study" in document
    assert "not run here: Large." in document
    comparable = document_of(results, comparable=True)
    assert "not those of the published study" not in comparable


@pytest.mark.parametrize(("comparable", "of_the_paper"), [*product([True, False], repeat=2)])
def test_limits_name_what_models_may_have_seen_of_the_paper_s_data(
    results: Path, comparable: bool, of_the_paper: bool
) -> None:
    document = document_of(results, comparable=comparable, of_the_paper=of_the_paper)
    named = "ECInstruct is built from public data" in document.partition("\\section{Limits}")[2]
    assert named == (comparable and of_the_paper)


def test_a_study_of_its_own_is_not_measured_by_a_published_one(results: Path) -> None:
    write_table(results, own_table())
    document = document_of(results, not_run=["Large"])
    assert not [line for line in document.splitlines() if "published" in line.lower()]
    assert "ECInstruct" not in document
    assert "in place of" not in document
    assert "not run here: Large." in document.partition("\\section{Limits}")[2]


def test_a_study_of_another_paper_says_nothing_of_the_recipe_of_this_one(results: Path) -> None:
    document = document_of(results, comparable=True, of_the_paper=False)
    assert "Learning rate 0.5" not in document
    assert "None are known in the data.\n" in document


def test_only_where_values_are_doubled_the_document_says_so(results: Path) -> None:
    words = "are twice a recall"
    assert words not in document_of(results)
    doubled = Cell(0.988, "0.988", marks=("doubled",))
    panel = replace(
        results_table().panels[0], groups=(RowGroup("", (Row("A", "published", (doubled,)),)),)
    )
    write_table(results, results_table(panels=(panel,)))
    assert words in document_of(results)


def test_methods_name_the_metrics_whose_intervals_are_not_of_a_bootstrap(results: Path) -> None:
    """Those that have an interval of a formula, which is of one seed."""
    for measure in map(metric, METRICS):
        assert bool(measure.INTERVAL) == (measure.PROPORTION or measure.NAME == "F1")
    methods = " ".join(document_of(results).split())
    words = "Wilson's for shares of right answers (accuracy, HR@1) and for F1, of one seed"
    assert f"{words}, and otherwise bootstrap" in methods
    assert "with 1,000 resamples" in methods


def test_methods_tell_what_each_model_was_trained_on(results: Path) -> None:
    (row,) = (line for line in document_of(results).splitlines() if line.startswith("Small-EC &"))
    # 500 tokens in each of three passes.
    assert row.split(" & ")[2] == "NF4, bfloat16"
    assert row.split(" & ")[-3:] == ["30", "1,500", r"42 \\"]
