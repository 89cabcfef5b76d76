import json
import re
from dataclasses import replace
from html import unescape
from pathlib import Path
from urllib.parse import unquote

import pytest
from ecslm.reports.downloads import table_csv
from support.report_files import (
    HOSTILE,
    content_of,
    own_table,
    page_of,
    report_settings,
    results_table,
    score_cell,
    write_results,
    write_table,
)
from support.table_files import IND, scores, write_metrics

from ecslm.common.errors import InputError
from ecslm.common.files import write_json
from ecslm.common.hashing import sha256_of_file
from ecslm.common.manifests import made_from, write_manifest
from ecslm.reports.cells import Origins
from ecslm.reports.settings import report_files
from ecslm.schemas.paths import FIGURES_MANIFEST
from ecslm.tables.model import Cell, Row, RowGroup, Simple
from ecslm.tables.sources import source_name

# As the page has it.
QUESTION = "Which model &amp; at what price?"


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """The results of a small study."""
    return write_results(tmp_path / "demo")


def test_what_was_chosen_by_the_test_records_is_called_so_below_the_intervals(
    results: Path,
) -> None:
    words = "chosen by its scores on the test records"
    assert words not in page_of(results)
    (panel,) = results_table().panels
    best = Row("Best", "model", (score_cell("Small", 0, 0.4),), marks=("chosen",))
    groups = (*panel.groups, RowGroup("Best", (best,)))
    write_table(results, results_table(panels=(replace(panel, groups=groups),)))
    assert f"§: the best of several models, {words}" in page_of(results)


def test_the_page_needs_no_network_and_no_other_file(results: Path) -> None:
    page = page_of(results)
    assert not re.findall(r"url\((?!#)|@import|<link rel=\"stylesheet|\ssrc=", page)
    links = re.findall(r'href="([^"]*)"', page)
    assert links
    for link in links:
        if link.startswith("#"):
            assert f'id="{link[1:]}"' in page
        else:
            assert link.startswith("data:")


def test_the_question_of_the_study_comes_before_all_answers(results: Path) -> None:
    page = page_of(results)
    question = page.index(f"<strong>{QUESTION}</strong>")
    assert question < page.index("<table")


def test_the_page_of_a_study_of_its_own_speaks_of_no_published_one(results: Path) -> None:
    write_table(results, own_table())
    content, _, _ = page_of(results).partition("<dialog")
    assert "published" not in content.partition("<body>")[2].lower()
    assert "ECInstruct" not in content
    assert "table of costs" not in content, "it has none"


def test_a_table_is_carried_as_latex_and_as_csv(results: Path) -> None:
    links = dict(re.findall(r'download="(.*?)" href="(.*?)"', page_of(results)))
    assert unquote(links["ind.tex"].partition(",")[2]) == "% ind\n"
    assert unquote(links["ind.csv"].partition(",")[2]) == table_csv(results_table())
    assert ",GPT-4,,PM,F1,0.753,0.753,,,,other_data,\n" in table_csv(results_table())


def test_no_two_elements_have_one_name(results: Path) -> None:
    names = re.findall(r'\sid="([^"]*)"', page_of(results))
    assert len(names) == len(set(names))


def test_behind_a_cell_are_the_digest_of_its_file_its_counts_and_its_method(
    results: Path,
) -> None:
    path = results / "metrics/Small-EC/seed-42/PM.json"
    made = made_from([path], {}, code=None, versions={})
    write_manifest(results / "tables/ind.manifest.json", made, [results / "tables/ind.json"])
    page = page_of(results)
    found = re.search(r'<script type="application/json" id="origins">(.*?)</script>', page)
    origins = json.loads(found[1]) if found else None
    (number,) = re.findall(r'data-files="(\d+)">0.700', page)
    origin = origins[int(number)]
    assert (origin["path"], origin["sha256"]) == (
        "metrics/Small-EC/seed-42/PM.json",
        sha256_of_file(path),
    )
    facts = origin["scores"][IND]
    assert (facts["Records"], facts["Invalid answers"]) == (200, 10)
    assert facts["95 % interval"] == "0.670 to 0.730"
    assert facts["Method"] == "bootstrap"


def test_the_digest_of_published_numbers_that_are_elsewhere_is_known(
    results: Path, tmp_path: Path
) -> None:
    scores = tmp_path / "theirs/study.csv"
    write_json(scores, {})
    made = made_from([scores], {}, code=None, versions={})
    write_manifest(results / "tables/ind.manifest.json", made, [results / "tables/ind.json"])
    row = Row("GPT-4", "published", (Cell(0.753, "0.753", sources=(source_name(scores),)),))
    panel = replace(results_table().panels[0], groups=(RowGroup("All", (row,)),))
    (origin,) = Origins(results, report_settings(), [results_table(panels=(panel,))]).as_json()
    assert (origin["path"], origin["sha256"]) == ("study.csv", sha256_of_file(scores))


def test_beside_a_released_score_stands_how_many_answers_its_scorer_drops(results: Path) -> None:
    dropping = {"value": 0.9, "defined": True, "details": {"n_dropped": 7}}
    write_metrics(results, "Small", "PM", {IND: scores(0.4, released=dropping)})
    origins = Origins(results, report_settings(), [results_table()]).as_json()
    facts = {one["path"]: one["scores"][IND] for one in origins}
    told = facts["metrics/Small/seed-0/PM.json"]
    assert told["Answers that the released scorer drops"] == 7
    assert "Answers that the 2024 scorer drops" not in told


def test_text_from_models_and_data_cannot_run(results: Path) -> None:
    write_table(results, results_table(summary=(HOSTILE,), caption="</script>"))
    page = page_of(results)
    assert HOSTILE not in page
    assert "&lt;script&gt;alert" in page
    assert "a shop &amp; co" in page
    assert page.count("</script>") == 2


def test_the_page_tells_where_everything_came_from(results: Path) -> None:
    page = page_of(results)
    for text in ("rev-1", "torch 2.13.0", "c0ffee", "# Data"):
        assert text in page


def test_the_inputs_of_the_report_are_known_beforehand(results: Path) -> None:
    files = report_files(report_settings())
    for path in (
        "adapters/Small-EC/seed-42/manifest.json",
        "predictions/Small/seed-0/PM.jsonl",
        "metrics/Small/seed-0/PM.json",
        "figures/computation_ind.svg",
        "data_card.md",
    ):
        assert path in files
    assert all((results / file).is_file() for file in files)
    assert "predictions/Small/seed-0/PM.jsonl" not in report_files(report_settings(samples=0))


def test_a_missing_file_is_named(results: Path) -> None:
    path = "figures/computation_ind.svg"
    (results / path).unlink()
    with pytest.raises(InputError, match=f"{path}: no such file"):
        page_of(results)


def test_the_answer_comes_first(results: Path) -> None:
    claims = replace(results_table(), name="claims", kind="claims", summary=("Ours & yours.",))
    cost = replace(results_table(), name="cost", kind="cost", summary=("It took 2 hours.",))
    write_table(results, claims)
    write_table(results, cost)
    kinds = ("claims", "cost", "results")
    names = ("claims", "cost", "ind")
    tables = [{"name": name, "kind": kind} for name, kind in zip(names, kinds, strict=True)]
    page = page_of(results, report_settings(tables=tables))
    expected = (QUESTION, "Ours &amp; yours.", "It took 2 hours.", "<table")
    places = [page.index(text) for text in expected]
    assert places == sorted(places)
    assert "no table of claims" not in page
    # The document may have no clock values: they are in the table of costs alone.
    assert content_of(results, report_settings(tables=tables)).verdict == ("Ours & yours.",)


def test_a_study_without_a_data_card_has_a_page(results: Path) -> None:
    (results / "data_card.md").unlink()
    page = page_of(results, report_settings(card=False))
    assert "<summary>Data card" not in unescape(page)


def test_an_altered_figure_is_refused(results: Path) -> None:
    svg = results / "figures/computation_ind.svg"
    write_json(
        results / FIGURES_MANIFEST,
        {
            **{"inputs": {}, "settings": {}, "code": None, "versions": {}},
            "files": {svg.name: "0" * 64},
        },
    )
    with pytest.raises(InputError, match="altered"):
        page_of(results)


@pytest.mark.parametrize(("simple", "warned"), [(0.7, True), (0.9, True), (0.6994, False)])
def test_the_page_warns_exactly_where_a_simple_baseline_is_as_good_as_the_judged_model(
    simple: float, warned: bool, tmp_path: Path
) -> None:
    study = write_results(tmp_path / "demo")
    (panel,) = results_table().panels
    (column,) = panel.columns
    judged_by = replace(column, simple=Simple("Words & pairs", simple))
    write_table(study, results_table(panels=(replace(panel, columns=(judged_by,)),)))
    page = page_of(study, report_settings(judged=["Small-EC"]))
    sentence = (
        f"{IND}, in 1 of 1 task a simple baseline is as good as Small-EC or better, and costs less "
        f"to use: PM (Words &amp; pairs {simple:.3f}, against 0.700)."
    )
    assert (sentence in page) == warned
    assert ("Warning." in page) == warned
    assert "Warning." not in page_of(study, report_settings(judged=[]))
