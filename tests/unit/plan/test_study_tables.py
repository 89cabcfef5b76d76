"""Which tables a study has: a report shows the scores of all models, whatever is configured."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from support.plans import BASELINES, IND, MODELS, OOD, TASKS, plan

from ecslm.common.errors import NAME, InputError
from ecslm.plan.report import report_settings, study_summary
from ecslm.plan.study import Study
from ecslm.plan.tables import study_tables
from ecslm.reports.settings import report_files

TESTED = sorted(set(TASKS) - {"AUX"})
PARAMETERS = {"kind": "parameters", "label": "tab:p", "caption": "P", "models": ["Small-EC"]}


def results(models: list[str], columns: list[str], setting: str = IND) -> dict[str, Any]:
    rows = [{"group": "Ours", "models": models}]
    entry = {"kind": "results", "label": "tab:r", "caption": "R", "setting": setting}
    return {**entry, "columns": columns, "rows": rows}


def shown(made: Study) -> Iterator[tuple[str, str]]:
    """The models and tasks of all results tables."""
    for entry in study_tables(made).values():
        if entry.kind == "results":
            for group in entry.rows:  # type: ignore[attr-defined]
                for name in group.models:
                    for task in entry.columns:  # type: ignore[attr-defined]
                        # A column of a task without records of the setting shows no score.
                        if entry.setting in made.answered_settings(name, task):  # type: ignore[attr-defined]
                            yield name, task


def test_a_study_without_results_tables_gets_one_for_each_setting_with_all_that_is_scored() -> None:
    made = plan(tables={"parameters": PARAMETERS})
    assert list(study_tables(made)) == ["parameters", f"scores_{IND}", f"scores_{OOD}"]
    in_domain, outside = (study_tables(made)[f"scores_{name}"] for name in (IND, OOD))
    assert in_domain.columns == tuple(TESTED)  # type: ignore[attr-defined]
    # Two tasks have no records of it.
    assert outside.columns == tuple(sorted({*TESTED} - {"PM", "QPR"}))  # type: ignore[attr-defined]
    trivial, models = in_domain.rows  # type: ignore[attr-defined]
    assert trivial.baselines == tuple(sorted(BASELINES))
    assert models.models == ("Small", "Small-EC")
    assert in_domain.wide


def test_answers_to_prompts_with_an_example_are_in_the_table_of_the_setting_without() -> None:
    models = {"Small": MODELS["Small"], "Small-1shot": MODELS["Small"] | {"shots": 1}}
    for settings, names in (
        ([IND, f"{IND}_1-shot"], ("Small", "Small-1shot")),
        ([f"{IND}_1-shot"], ("Small-1shot",)),
    ):
        made = plan(settings=settings, models={name: models[name] for name in names})
        (table,) = study_tables(made).values()
        assert table.setting == IND  # type: ignore[attr-defined]
        assert table.rows[-1].models == names  # type: ignore[attr-defined]


def test_answers_that_are_limited_to_valid_ones_compete_in_no_table() -> None:
    limited = MODELS["Small-EC"] | {"answers": "constrained"}
    made = plan(tasks=["PM"], models=MODELS | {"Small-EC-constrained": limited})
    table: Any = study_tables(made)[f"scores_{IND}"]
    assert table.rows[-1].models == ("Small", "Small-EC", "Small-EC-constrained")
    assert table.competitors == ("Small", "Small-EC")


def test_a_name_that_is_taken_is_left_to_the_configuration() -> None:
    name = f"scores_{IND}"
    made = plan(settings=[IND], tables={name: results(["Small"], ["PM"])})
    assert list(study_tables(made)) == [name, f"{name}_2"]


@given(st.lists(st.text(st.characters(min_codepoint=32, exclude_categories=["Cs"])), min_size=1))
def test_whatever_a_setting_is_called_its_table_has_a_name_and_a_label(settings: list[str]) -> None:
    settings = [one for one in settings if 0 < len(one) <= 80 and one.isprintable()]
    assume(settings)
    made = plan(settings=list(dict.fromkeys(settings)))
    tables = study_tables(made)
    assert len({name.lower() for name in tables}) == len({*settings})
    for name, entry in tables.items():
        assert re.fullmatch(NAME, name)
        assert entry.label == f"tab:{name}"


@given(
    models=st.lists(st.sampled_from(sorted(MODELS)), min_size=1, unique=True),
    columns=st.lists(st.sampled_from(TESTED), min_size=1, unique=True),
    setting=st.sampled_from([IND, OOD]),
)
def test_whatever_is_configured_each_score_is_in_a_table_and_the_page_has_all_of_these(
    models: list[str], columns: list[str], setting: str
) -> None:
    made = plan(tables={"mine": results(models, columns, setting)})
    answered = {(name, task) for name in MODELS for task in made.model_tasks(name)}
    assert set(shown(made)) >= answered
    report = report_settings(made)
    assert {f"tables/{name}.json" for name in study_tables(made)} <= set(report_files(report))
    # As tables show them, then others by name.
    assert report.models == (*models, *sorted(MODELS.keys() - models))


def test_the_scores_of_a_study_without_results_are_refused_with_the_command_that_makes_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(
        InputError, match=r"^results/shop: no results yet: run the study first, by `"
    ):
        study_summary(plan())
