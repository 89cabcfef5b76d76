import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from ecslm.reports.plots import interval_plots
from ecslm.reports.verdict import verdict
from pydantic import ValidationError
from support.project import REPORT
from support.table_files import IND, record_line, request, scores, write_dataset, write_metrics

from ecslm.common.errors import InputError
from ecslm.common.files import write_json, write_text
from ecslm.reports.page import render_page
from ecslm.reports.samples import read_samples
from ecslm.reports.settings import ReportSettings, report_files
from ecslm.tables.kinds.results import build
from ecslm.tables.latex import render
from ecslm.tables.model import Table
from ecslm.tables.sources import Sources

HOSTILE = '<script>alert("x")</script>'
SETTINGS = ReportSettings.model_validate(
    {
        "study": "demo",
        "title": "A title",
        "data_source": "a shop & co",
        "tables": ["ind"],
        "tasks": {"PM": {"title": "Product Matching", "metric": "binary_f1"}},
        "models": {"Small-EC": {"base": "Small", "seeds": [42], "tasks": ["PM"], "tuned": True}},
        "sample_models": ["Small-EC"],
        "samples": 1,
        "versions": {"torch": "2.13.0"},
    }
)


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """The results of a small study, whose bases lie beside it."""
    study = tmp_path / "demo"
    write_metrics(study, "Small-EC", "PM", {IND: scores(0.7)}, seed=42)
    write_text(study / "data_card.md", "# Data")
    write_json(study / "tables/ind.json", results_table(study).as_json())
    write_json(study / "adapters/Small-EC/seed-42/manifest.json", {"seed": 42})
    write_json(tmp_path / "bases/Small/manifest.json", {"revision": "rev-1"})
    write_dataset(study, "PM", "test", [record_line("PM", "test", n) for n in range(4)])
    write_predictions(study)
    return study


def results_table(study: Path) -> Table:
    entry = {"kind": "results", "setting": IND, "columns": ["PM"]}
    rows = {"rows": [{"group": "Tuned", "models": ["Small-EC"]}]}
    models = {"Small-EC": {"seeds": [42], "tasks": ["PM"]}}
    return build("ind", request({**entry, **rows}, models=models), Sources(study))


def write_predictions(study: Path) -> None:
    predictions, outcomes = [], []
    for number in range(4):
        names = {"id": f"PM-test-{number}", "sample_id": f"sample-{number}", "setting": IND}
        right = number % 2 == 0
        predictions.append(
            {
                **names,
                "task": "PM",
                "prediction": "yes" if right else HOSTILE,
                "reference": "yes",
                "options": None,
                "relevance": None,
                "prompt_sha256": "0",
                "prompt_tokens": 1,
                "generated_tokens": 1,
                "finish_reason": "stop",
            }
        )
        counts = {"tp": int(right), "fp": 0, "fn": int(not right), "tn": 0}
        outcomes.append({**names, "invalid": not right, **counts})
    for path, rows in (
        (study / "predictions/Small-EC/seed-42/PM.jsonl", predictions),
        (study / "metrics/Small-EC/seed-42/PM.records.jsonl", outcomes),
    ):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def page_of(results: Path) -> str:
    return render_page(SETTINGS, results, results.parent / "bases", REPORT / "report.html.jinja")


def test_the_page_needs_no_network(results: Path) -> None:
    page = page_of(results)
    assert not re.findall(r"(?:src|href)=\"(?:https?:)?//", page)
    assert not re.findall(r"url\(|@import|<link rel=\"stylesheet", page)


def test_every_link_of_the_page_leads_to_a_file_or_a_section(results: Path) -> None:
    page = page_of(results)
    targets = set(re.findall(r'href="([^"]+)"', page)) - {"data:,"}
    assert "metrics/Small-EC/seed-42/PM.json" in targets
    for target in targets:
        if target.startswith("#"):
            assert f'id="{target[1:]}"' in page
        else:
            assert (results / target).is_file()


def test_a_cell_tells_the_files_that_it_came_from(results: Path) -> None:
    assert 'title="metrics/Small-EC/seed-42/PM.json"' in page_of(results)


def test_text_from_models_and_data_cannot_run(results: Path) -> None:
    page = page_of(results)
    assert HOSTILE not in page
    assert "&lt;script&gt;alert" in page
    assert "a shop &amp; co" in page


def test_the_page_shows_right_and_unusable_answers(results: Path) -> None:
    (task,) = read_samples(results, SETTINGS)
    assert [sample.verdict for sample in task.samples] == ["right", "invalid"]
    assert "Search in questions and answers" in page_of(results)


def test_the_page_tells_where_everything_came_from(results: Path) -> None:
    page = page_of(results)
    assert "rev-1" in page
    assert "torch 2.13.0" in page


def test_the_page_is_the_same_each_time(results: Path) -> None:
    assert page_of(results) == page_of(results)


def test_the_inputs_of_the_report_are_known_beforehand(results: Path) -> None:
    files = report_files(SETTINGS)
    assert "adapters/Small-EC/seed-42/manifest.json" in files
    assert "predictions/Small-EC/seed-42/PM.jsonl" in files
    assert all((results / file).is_file() for file in files if not file.endswith(".tex"))


def test_a_missing_manifest_is_named(results: Path) -> None:
    (results / "adapters/Small-EC/seed-42/manifest.json").unlink()
    with pytest.raises(InputError, match=r"adapters/Small-EC/seed-42/manifest\.json: no such file"):
        page_of(results)


def test_an_outcome_without_prediction_is_named(results: Path) -> None:
    path = results / "metrics/Small-EC/seed-42/PM.records.jsonl"
    path.write_text(path.read_text().replace("PM-test-3", "PM-test-9"))
    with pytest.raises(InputError, match="PM-test-9: has no prediction"):
        page_of(results)


def test_outcomes_that_are_not_of_the_metric_are_named(results: Path) -> None:
    path = results / "metrics/Small-EC/seed-42/PM.records.jsonl"
    path.write_text(path.read_text().replace('"tn"', '"true_negative"'))
    with pytest.raises(InputError, match="line 1: not an outcome of F1"):
        page_of(results)


def test_a_plot_places_values_and_intervals_in_per_cent(results: Path) -> None:
    (plot,) = interval_plots(results_table(results))
    assert (plot.title, plot.end) == ("PM", 1.0)
    assert [(p.at, p.low, p.high) for p in plot.points] == [(70.0, 67.0, 73.0)]


def test_both_reports_begin_with_the_answer_and_the_document_says_nothing_of_the_clock(
    results: Path,
) -> None:
    ind = results_table(results)
    kinds = {"claims": "Ours is better & cheaper.", "cost": "Training took 2 hours."}
    for kind, text in kinds.items():
        write_json(
            results / f"tables/{kind}.json",
            replace(ind, name=kind, kind=kind, summary=(text,)).as_json(),
        )
    settings = SETTINGS.model_copy(update={"tables": ("claims", "cost", "ind")})
    template = REPORT / "report.html.jinja"
    page = render_page(settings, results, results.parent / "bases", template)
    places = [
        page.index(text)
        for text in ("Ours is better &amp; cheaper.", "Training took 2 hours.", "<table>")
    ]
    assert places == sorted(places)
    document = render(
        REPORT / "report.tex.jinja", settings=settings, verdict=verdict(settings, results)
    )
    assert document.index(r"Ours is better \& cheaper.") < document.index("tables/claims.tex")
    assert "hours" not in document


def test_the_document_gathers_the_fragments_of_all_tables() -> None:
    document = render(REPORT / "report.tex.jinja", settings=SETTINGS, verdict=[])
    assert "Answer" not in document
    assert "\\input{tables/ind.tex}" in document
    assert "a shop \\& co" in document


def test_an_unknown_setting_is_refused() -> None:
    with pytest.raises(ValidationError, match="extra"):
        ReportSettings.model_validate({**SETTINGS.model_dump(), "titel": "x"})
