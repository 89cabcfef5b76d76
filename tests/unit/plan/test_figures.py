"""Which figures a study has, what they are drawn from, and the graph of its rules."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from support.plans import BASELINES, IND, MODELS, plan
from support.stated_jobs import job_of, stated_jobs

from ecslm.common.errors import InputError
from ecslm.plan.checks import check_named_files
from ecslm.plan.figures import figures_settings
from ecslm.plan.study import Study
from ecslm.plan.tables import table_resources
from ecslm.schemas import paths

RESULTS: dict[str, Any] = {
    "kind": "results",
    "label": "tab:ind",
    "caption": "Results",
    "setting": IND,
    "columns": ["PM", "AVE"],
    "rows": [
        {"group": "Trivial", "baselines": BASELINES},
        {"group": "Ours", "models": ["Small", "Small-EC"]},
    ],
}
KNOWN = {"Small": "SmolLM2-135M"}
SHARE = MODELS["Small-EC"] | {"training": {"train_fraction": 0.1}, "seeds": [0]}


def names(made: Study) -> set[str]:
    return {one.name for one in figures_settings(made).names()}


def with_table(**changes: Any) -> Study:
    tables = {"ind": RESULTS | changes.pop("entry", {})}
    columns = tables["ind"]["columns"]
    return plan(**{"tables": tables, "architectures": KNOWN, "tasks": columns} | changes)


def test_a_results_table_has_intervals_for_each_task_and_figures_of_known_sizes() -> None:
    intervals = {"intervals_ind_PM", "intervals_ind_AVE", "loss", "validation"}
    assert names(with_table()) == {*intervals, "computation_ind", "parameters_ind"}
    assert names(with_table(architectures={})) == intervals


def test_models_that_differ_in_their_share_of_records_alone_are_drawn_against_their_number() -> (
    None
):
    models = MODELS | {"Small-EC-tenth": SHARE}
    rows = [{"group": "Ours", "models": ["Small", "Small-EC", "Small-EC-tenth"]}]
    made = with_table(entry={"rows": rows}, models=models)
    assert names(made) == {"records_ind", "loss", "validation"}
    assert figures_settings(made).tables["ind"].shares == (("Small-EC-tenth", "Small-EC"),)
    learned = {"backend": "learned", "method": "tf-idf"}
    own = {"Words": learned, "Words-tenth": learned | {"train_fraction": 0.1}}
    rows[0]["models"] += own
    of_both = figures_settings(with_table(entry={"rows": rows}, models=models | own))
    assert of_both.tables["ind"].shares == (
        ("Small-EC-tenth", "Small-EC"),
        ("Words-tenth", "Words"),
    )
    assert of_both.models["Words-tenth"].records_of == "Small-EC-tenth"
    rows[0]["models"] = [name for name in rows[0]["models"] if name not in own]
    other = models | {"Small-EC-tenth": SHARE | {"template": "alpaca"}}
    assert "records_ind" not in names(with_table(entry={"rows": rows}, models=other))


def test_words_of_tables_are_no_settings_of_figures() -> None:
    one = with_table()
    two = with_table(
        entry={
            **{"caption": "Other words", "label": "tab:other", "spread": "sd", "wide": True},
            **{"intervals": "none", "competitors": ["Small", "Small-EC"]},
        },
    )
    assert job_of(one, "draw_figures").settings == job_of(two, "draw_figures").settings


def test_figures_are_drawn_from_scores_manifests_and_published_values() -> None:
    inputs = job_of(with_table(), "draw_figures").inputs
    assert "results/shop/metrics/Small-EC/over-seeds/PM.json" in inputs
    assert "results/shop/adapters/Small-EC/seed-1/manifest.json" in inputs
    assert "results/shop/predictions/Small/seed-0/PM.manifest.json" in inputs
    assert {str(paths.PUBLISHED_SIZES), "resources/published/study.csv"} <= set(inputs)
    assert not [path for path in inputs if path.endswith(("cost.json", "log.jsonl", ".tex"))]


def test_a_study_may_have_a_folder_of_published_numbers_of_its_own(tmp_path: Path) -> None:
    folder = tmp_path / "theirs; touch ran"
    folder.mkdir()
    made = with_table(published_numbers=str(folder))
    with pytest.raises(InputError) as caught:
        check_named_files(made)
    problem = f"studies.shop.published_numbers: {folder}: no study.csv there: write one, see "
    assert caught.value.problems[0].startswith(problem)
    scores = folder / "study.csv"
    scores.write_text("table,model,doubled,PM\n")
    inputs = job_of(made, "draw_figures").inputs
    assert str(scores) in inputs
    assert not [path for path in inputs if path.endswith("sizes.csv")], "which there is none of"
    assert table_resources(made, "ind") == {"published": str(scores)}


@pytest.mark.parametrize(
    "folder", ["resources/published", str(Path("resources/published").absolute()), "theirs"]
)
def test_the_data_card_tells_what_is_known_of_ecinstruct_where_its_numbers_are_compared(
    folder: str,
) -> None:
    made = with_table(published_numbers=folder, published_comparable=True)
    settings = json.loads(job_of(made, "data_card").settings)
    assert settings["comparable"] == (folder != "theirs")


def test_the_page_reads_all_svg_files_and_the_pdf_all_pdf_files() -> None:
    made = with_table()
    drawn = {
        *job_of(made, "draw_figures").files,
        *job_of(made, "draw_rule_graph").files,
    }
    for rule, ending in (("report_page", ".svg"), ("report_pdf", ".pdf")):
        inputs = {path for path in job_of(made, rule).inputs if "/figures/" in path}
        assert inputs == {path for path in drawn if path.endswith(ending)}


def test_the_graph_has_every_rule_with_jobs_and_what_each_reads() -> None:
    jobs = stated_jobs(with_table()).values()
    graph = json.loads(job_of(with_table(), "draw_rule_graph").settings)
    assert graph["jobs"] == Counter(job.rule for job in jobs)
    made = {path: job.rule for job in jobs for path in job.files}
    read = {(made[path], job.rule) for job in jobs for path in job.inputs if path in made}
    assert graph["edges"] == sorted(map(list, read))
