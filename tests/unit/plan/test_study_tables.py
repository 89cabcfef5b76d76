"""Which tables a study has whose configuration names none of scores."""

import re
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from support.plans import BASELINES, IND, MODELS, OOD, plan

from ecslm.common.errors import NAME, InputError
from ecslm.plan.report import report_settings, study_summary
from ecslm.plan.study import Study
from ecslm.reports.settings import report_files

PARAMETERS = {"kind": "parameters", "label": "tab:p", "caption": "P", "models": ["Small-EC"]}


def tables(made: Study) -> dict[str, Any]:
    return dict(made.settings.tables)


def test_a_study_without_results_tables_gets_one_for_each_setting_with_all_that_is_scored() -> None:
    limited = MODELS["Small-EC"] | {"answers": "constrained"}
    # The order of keys has no effect.
    models = dict(reversed((MODELS | {"Small-EC-constrained": limited}).items()))
    made = plan(
        tables={"parameters": PARAMETERS}, tasks=["PM", "SA", "AG", "AVE", "AUX"], models=models
    )
    assert list(tables(made)) == ["parameters", f"scores_{IND}", f"scores_{OOD}"]
    in_domain, outside = (tables(made)[f"scores_{name}"] for name in (IND, OOD))
    assert in_domain.columns == ("AG", "AVE", "PM", "SA")
    # One task has no records of it.
    assert outside.columns == ("AG", "AVE", "SA")
    assert in_domain.rows[0].baselines == tuple(sorted(BASELINES))
    assert in_domain.models == ("Small", "Small-EC", "Small-EC-constrained")
    # Answers that are limited to valid ones compete with none.
    assert in_domain.competitors == ("Small", "Small-EC")
    assert in_domain.wide
    report = report_settings(made)
    assert {f"tables/{name}.json" for name in tables(made)} <= set(report_files(report))


def test_answers_to_prompts_with_an_example_are_in_the_table_of_the_setting_without() -> None:
    one_shot = {"base": "Small", "template": "chatml", "shots": 1}
    models = {"Small": MODELS["Small"], "Small-1shot": one_shot}
    (table,) = tables(plan(settings=[IND, f"{IND}_1-shot"], models=models, tasks=["PM"])).values()
    assert (table.setting, table.models) == (IND, ("Small", "Small-1shot"))


@given(st.lists(st.text(st.characters(min_codepoint=32, exclude_categories=["Cs"])), min_size=1))
def test_whatever_a_setting_is_called_its_table_has_a_name_and_a_label(settings: list[str]) -> None:
    settings = [one for one in settings if 0 < len(one) <= 80 and one.isprintable()]
    assume(settings)
    made = tables(plan(settings=list(dict.fromkeys(settings))))
    assert len({name.lower() for name in made}) == len({*settings})
    assert all(re.fullmatch(NAME, name) and entry.label for name, entry in made.items())


@pytest.mark.usefixtures("empty_folder")
def test_the_scores_of_a_study_without_results_are_refused_with_the_command_that_makes_them() -> (
    None
):
    with pytest.raises(
        InputError, match=r"^results/shop: no results yet: run the study first, by `"
    ):
        study_summary(plan())
