"""Jobs' parameters follow what the configuration means, not how it is written."""

from fnmatch import fnmatchcase
from typing import Any

import pytest
from support.configs import SHIPPED, Raw, changed, loaded, small
from support.stated_jobs import stated_jobs

from ecslm.plan.study import Study


def turned(value: Any) -> Any:
    """The value with the keys of all its mappings in the opposite order."""
    if isinstance(value, dict):
        return {key: turned(value[key]) for key in reversed(value)}
    return [turned(item) for item in value] if isinstance(value, list) else value


def parameters(raw: Raw) -> dict[str, tuple[str | None, str]]:
    """All parameters that the configuration alone decides, by rule and wildcards of their job."""
    return {
        name: (job.params.get("settings"), job.versions)
        for name, job in stated_jobs(Study(loaded(raw))).items()
    }


@pytest.mark.parametrize("raw", [small(), SHIPPED, {**SHIPPED, "study": "paper"}])
def test_the_order_of_keys_changes_no_parameter(raw: Raw) -> None:
    assert list(turned(raw)) != list(raw)
    assert parameters(turned(raw)) == parameters(raw)


# A model that is not run.
OFF = {"base": "Small", "template": "llama3", "training": {}, "seeds": [0, 1], "run": False}
TITLED = "report_page, draw_figures, data_card, model_card *, render_table *"
# An edit, and the jobs whose parameters it changes.
EDITS = (
    (".training.rank", 9, "train_adapter *, render_table *, report_page"),
    (
        *(".task_decoding.AG", {"max_new_tokens": 91}),
        "predict * AG, measure_latency *, describe_data AG, export_model *",
    ),
    (".models.Small.decoding", {"sample": True}, "predict Small *, measure_latency Small"),
    (".scoring", {"resamples": 9}, "score *, score_baseline *, differences *, report_page"),
    (".comparisons.contrasts.tuning.title", "New", "render_table *, report_page"),
    (".bertscore.layer", 9, "bertscore *"),
    (".title", "Another shop", "report_page, data_card, model_card *"),
    (".question", "Is it good enough?", "report_page"),
    (".tables.ind.caption", "Another caption", "render_table ind"),
    ("tasks.PM.title", "Matching", TITLED),
    (".models.Another-EC", OFF, "render_table *, report_page"),
)


@pytest.mark.parametrize(("path", "value", "jobs"), EDITS)
def test_an_edit_changes_parameters_of_what_it_concerns(path: str, value: Any, jobs: str) -> None:
    before, after = parameters(small()), parameters(changed(path, value))
    assert before.keys() == after.keys()
    concerned = jobs.split(", ")
    expected = {name for name in before for pattern in concerned if fnmatchcase(name, pattern)}
    assert {name for name in before if before[name] != after[name]} == expected
