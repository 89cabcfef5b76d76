"""Which figures a study has, and what they are drawn from."""

import re
from pathlib import Path
from typing import Any

import pytest
from support.plans import BASELINES, IND, MODELS, plan
from support.stated_jobs import job_of

from ecslm.common.errors import InputError
from ecslm.plan.checks import check_named_files
from ecslm.plan.report import figures_settings
from ecslm.plan.study import Study

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


def test_the_first_results_table_is_drawn_and_computation_where_sizes_differ() -> None:
    intervals = {"intervals_ind_PM", "intervals_ind_AVE", "loss"}
    assert names(with_table()) == intervals, "of one base"
    other = MODELS | {"Other": MODELS["Small"] | {"base": "Encoder"}}
    known = {"models": other, "architectures": KNOWN | {"Encoder": "SmolLM2-360M"}}
    rows = {"rows": [*RESULTS["rows"], {"group": "Other", "models": ["Other"]}]}
    assert names(with_table(entry=rows, **known)) == {*intervals, "computation_ind"}
    tables = {"ind": RESULTS, "more": RESULTS | {"label": "tab:more"}}
    assert names(plan(tables=tables, tasks=["PM", "AVE"])) == intervals


def test_models_of_other_shares_of_records_are_drawn_against_their_number() -> None:
    models = MODELS | {"Small-EC-tenth": SHARE}
    rows = [{"group": "Ours", "models": ["Small", "Small-EC", "Small-EC-tenth"]}]
    made = with_table(entry={"rows": rows}, models=models)
    assert names(made) == {"records_ind", "loss"}
    assert figures_settings(made).tables[0].shares == (("Small-EC-tenth", "Small-EC"),)
    learned = {"backend": "learned", "method": "tf-idf"}
    own = {"Words": learned, "Words-tenth": learned | {"train_fraction": 0.1}}
    rows[0]["models"] += own
    of_both = figures_settings(with_table(entry={"rows": rows}, models=models | own))
    assert of_both.tables[0].shares == (("Small-EC-tenth", "Small-EC"), ("Words-tenth", "Words"))
    shares = {name: one.share for name, one in of_both.context.models.items()}
    assert (shares["Small"], shares["Small-EC-tenth"], shares["Words"]) == (None, 0.1, 1.0)
    rows[0]["models"] = [name for name in rows[0]["models"] if name not in own]
    for change in ({"template": "alpaca"}, {"training": {"train_fraction": 0.1, "rank": 4}}):
        other = models | {"Small-EC-tenth": SHARE | change}
        assert "records_ind" not in names(with_table(entry={"rows": rows}, models=other))


def test_figures_are_drawn_from_tidy_scores_which_are_made_from_all_scores() -> None:
    seeds, tasks = ("seed-0", "seed-1"), ("PM", "AVE")
    adapters = {f"results/shop/adapters/Small-EC/{seed}/manifest.json" for seed in seeds}
    drawn_from = set(job_of(with_table(), "draw_figures").inputs)
    assert drawn_from == {"report/figures.mplstyle", "results/shop/scores.parquet", *adapters}
    assert set(job_of(with_table(), "tidy_scores").inputs) > {
        *(f"results/shop/metrics/Small-EC/{of}/PM.json" for of in (*seeds, "over-seeds")),
        *(f"results/shop/simple_baselines/{task}.json" for task in tasks),
        *("resources/published/study.csv", *adapters),
    }


def test_a_study_may_have_a_folder_of_published_numbers_of_its_own(tmp_path: Path) -> None:
    made = with_table(published_numbers=str(tmp_path))
    problem = f"studies.shop.published_numbers: {tmp_path}: no study.csv there: write one, see "
    with pytest.raises(InputError, match=re.escape(problem)):
        check_named_files(made)
    scores = tmp_path / "study.csv"
    scores.write_text("table,model,doubled,PM\n")
    assert str(scores) in job_of(made, "tidy_scores").inputs
