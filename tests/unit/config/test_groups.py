"""Groups of models, and what tables leave out."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.configs import SHIPPED, Raw

from ecslm.config.groups import group_of, with_groups

MODELS: Raw = {
    "A": {"base": "a"},
    "A-EC": {"base": "a", "training": {}},
    "B": {"base": "b"},
    "B-EC": {"base": "b", "training": {}},
    "Words": {"backend": "learned", "method": "tf-idf"},
    "Other": {"base": "b", "training": {}, "group": "Recipes"},
}


def completed(**study: Any) -> Raw:
    """A study of the models above as it is completed."""
    tasks = {"PM": {"ood": False}, "SA": {}}
    raw = {"tasks": tasks, "studies": {"x": {"models": MODELS, "tasks": ["SA", "PM"], **study}}}
    found: Raw = with_groups(raw)["studies"]["x"]
    return found


def table(name: str = "t", **entry: Any) -> Raw:
    """A table of that study as it is completed."""
    found: Raw = completed(tables={name: entry}, baselines=["always-yes"])["tables"][name]
    return found


@pytest.mark.parametrize("key", ["models", "competitors", "latency"])
def test_a_title_stands_for_the_models_of_its_group(key: str) -> None:
    listed = ["B", "Tuned models", "GPT-4", "Recipes"]
    assert table(**{key: listed})[key] == ["B", "A-EC", "B-EC", "GPT-4", "Other"]
    for published in ("general", "published"):
        assert table(**{published: listed})[published] == listed


@given(st.permutations(["Big-1B", "Big-1.7B-EC", "Big-360M", "Big2-135M", "Alone", "Big"]))
def test_models_stand_family_by_family_and_by_size_in_whatever_order_they_are_given(
    names: list[str],
) -> None:
    models = {name: {"base": "x"} for name in names}
    tables = {"t": {"kind": "validity", "models": ["Base models"]}}
    found = completed(models=models, tables=tables)["tables"]["t"]["models"]
    assert found == ["Alone", "Big", "Big-360M", "Big-1B", "Big-1.7B-EC", "Big2-135M"]


def test_a_model_belongs_to_a_group_by_what_it_is() -> None:
    limited = ", answers limited to valid ones"
    for group, model in {
        "Base models": {},
        "Base models, one example": {"shots": 1},
        f"Base models{limited}": {"answers": "likelihood"},
        "Tuned models": {"training": {}},
        f"Tuned models{limited}": {"adapter_of": "A", "answers": "constrained"},
        "Learned baselines": {"backend": "learned"},
        "Recorded answers": {"backend": "recorded"},
        "Models behind a server, one example": {"backend": "openai", "shots": 1},
    }.items():
        assert group_of({"backend": "transformers"} | model) == group


def test_two_groups_are_compared_base_by_base_and_a_group_with_each_name() -> None:
    pairs = [["Tuned models", "Base models"], ["Tuned models", "best simple"], ["A", "B"]]
    contrast = {"kind": "models", "pairs": pairs}
    settings = {"kind": "settings", "pairs": [["OOD", "IND"]], "models": ["Base models"]}
    found = completed(comparisons={"contrasts": {"c": contrast, "s": settings}})
    contrasts = found["comparisons"]["contrasts"]
    assert contrasts["c"]["pairs"] == [
        *(["A-EC", "A"], ["B-EC", "B"]),
        *(["A-EC", "best simple"], ["B-EC", "best simple"], ["A", "B"]),
    ]
    assert contrasts["s"] == settings | {"models": ["A", "B"]}


def test_a_results_table_has_a_row_for_each_group_unless_it_says_otherwise() -> None:
    assert table(kind="results")["rows"] == [
        {"group": "Trivial baselines", "baselines": ["always-yes"]},
        {"group": "Learned baselines", "models": ["Words"]},
        {"group": "Base models", "models": ["A", "B"]},
        {"group": "Tuned models", "models": ["A-EC", "B-EC"]},
        {"group": "Recipes", "models": ["Other"]},
    ]
    rows = [{"group": "Recipes"}, {"group": "Base models", "models": ["B", "Recipes"]}]
    assert table(kind="results", rows=rows)["rows"] == [
        {"group": "Recipes", "models": ["Other"]},
        {"group": "Base models", "models": ["B", "Other"]},
    ]


def test_a_table_has_a_label_and_the_tasks_with_records_in_its_settings() -> None:
    for entry, key, tasks in (
        ({"kind": "results", "setting": "OOD_x"}, "columns", ["SA"]),
        ({"kind": "results", "setting": "IND_x"}, "columns", ["SA", "PM"]),
        ({"kind": "validity", "settings": ["OOD_x", "IND_x"]}, "columns", ["SA", "PM"]),
        ({"kind": "claims", "settings": {"OOD_x": "OOD"}}, "tasks", ["SA"]),
        ({"kind": "dataset"}, "tasks", ["SA", "PM"]),
        ({"kind": "comparisons", "columns": ["PM"]}, "columns", ["PM"]),
    ):
        assert table(**entry)[key] == tasks
    assert table("limited_ind")["label"] == "tab:limited-ind"
    assert table(label="tab:mine")["label"] == "tab:mine"


def test_completing_twice_changes_nothing_more_and_what_studies_share_is_apart() -> None:
    once = with_groups(SHIPPED)
    assert once != SHIPPED
    assert with_groups(once) == once
    shared = {"t": {"kind": "validity", "models": ["Base models"]}}
    studies = {name: {"models": {name: {"base": "x"}}, "tables": shared} for name in "AB"}
    found = with_groups({"studies": studies})["studies"]
    assert [found[name]["tables"]["t"]["models"] for name in "AB"] == [["A"], ["B"]]
