"""What is wrong in a configuration is told all at once, a line each, with its place."""

import copy
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from snakemake.io import PeriodicityDetector
from support.configs import changed, problems, put, small, study_of

from ecslm.config.repeated_names import name_problems

# Each edit of the small configuration, and the only line that it gives.
PROBLEMS: dict[str, tuple[str, Any, str]] = {
    "an unknown key at the top": (
        "studys",
        {},
        "studys: unknown key: did you mean `study`?",
    ),
    "an unknown key of a study": (
        ".decodng",
        {},
        "studies.shop.decodng: unknown key: did you mean `decoding`?",
    ),
    "an unknown key like no other": (
        ".bertscore.zzz",
        1,
        "studies.shop.bertscore.zzz: unknown key: expected one of encoder, layer, rescale_language",
    ),
    "a word for a number": (
        ".training.rank",
        "sixteen",
        "studies.shop.training.rank: should be a whole number, not 'sixteen'",
    ),
    "a value that is not among the choices": (
        ".device",
        "gpu",
        "studies.shop.device: should be 'cpu' or 'cuda', not 'gpu'",
    ),
    "an unknown study": (
        "study",
        "shoop",
        "study: shoop is not in studies: did you mean `shop`?",
    ),
}


@pytest.mark.parametrize(("path", "value", "line"), PROBLEMS.values(), ids=PROBLEMS)
def test_one_line_tells_of(path: str, value: Any, line: str) -> None:
    assert problems(changed(path, value)) == (line,)


@pytest.mark.parametrize(
    "path",
    ["tasks", "settings", "baselines", "models", "tables", "task_decoding", "architectures"],
)
@pytest.mark.parametrize("value", [[{"a": 1}], {"a": [1]}, 3, "word", None, [[]], {1: 2}])
def test_any_wrong_shape_is_told_with_its_key(path: str, value: Any) -> None:
    raw = small()
    raw["studies"]["shop"][path] = value
    assert any(line.startswith(f"studies.shop.{path}") for line in problems(raw))


SECTIONS = ("tasks", "bases", "studies", "studies.shop.models", "studies.shop.tables")


@given(st.text("ab", max_size=3), st.text("ab", min_size=1, max_size=4), st.integers(1, 30))
@example("", "x", 80)
@example("a", "b", 19)
@example("a", "b", 20)
def test_a_name_that_snakemake_takes_for_a_path_without_end_is_told(
    begin: str, part: str, times: int
) -> None:
    name = (begin + part * times)[:80]
    told = PeriodicityDetector().is_periodic(name) is not None
    for section in SECTIONS:
        raw: dict[str, Any] = {name: {}}
        for key in reversed(section.split(".")):
            raw = {key: raw}
        lines = list(name_problems(raw))
        assert len(lines) == told, name
        assert all(line.startswith(f"{section}.{name}: ends with ") for line in lines)


@pytest.mark.parametrize("key", ["study", "tasks", "bases", "studies"])
def test_a_missing_section_is_told(key: str) -> None:
    raw = small()
    del raw[key]
    assert f"{key}: missing" in problems(raw)


def test_a_missing_key_is_told_with_its_path() -> None:
    raw = small()
    del raw["studies"]["shop"]["models"]["Small"]["base"]
    del raw["tasks"]["PM"]["answer"]
    assert set(problems(raw)) == {
        "studies.shop.models.Small.base: missing",
        "tasks.PM.answer: missing",
    }


def test_all_problems_come_in_one_run_cross_references_included() -> None:
    raw = small()
    put(raw, ".training.rank", 0)
    put(raw, "tasks.PM.titel", "x")
    put(raw, ".models.Small.base", "Smal")
    put(raw, ".models.Small.shots", 2)
    put(raw, ".tables.ind.columns", ["AGG"])
    assert problems(raw) == (
        "tasks.PM.titel: unknown key: did you mean `title`?",
        "studies.shop.training.rank: should be at least 1, not 0",
        "studies.shop.models.Small.shots: should be 0 or 1, not 2",
        "studies.shop.models.Small.base: Smal is not in bases: did you mean `Small`?",
        "studies.shop.tables.ind.columns: AGG is not in the study's tasks: did you mean `AG`?",
    )


def test_a_study_that_does_not_run_is_checked_too() -> None:
    raw = small()
    raw["studies"]["other"] = copy.deepcopy(raw["studies"]["shop"]) | {"tasks": ["PM", "AX"]}
    line = "studies.other.tasks: AX is not in tasks: did you mean `AG`?"
    assert line in problems(raw)


def test_a_problem_in_an_inherited_section_is_told_once_at_its_place() -> None:
    raw = small()
    put(raw, ".training", {"rank": "many", "epohcs": 2})
    put(raw, ".precision", {"dtype": "float16"})
    put(raw, ".decoding", {"max_new_tokens": 0})
    put(raw, ".task_decoding.AG", {"max_length": 10})
    put(raw, ".models.Other-EC", {"base": "Small", "template": "chatml", "training": {"alpha": 4}})
    lines = problems(raw)
    assert [line.split(": ")[0] for line in lines] == [
        "studies.shop.precision.dtype",
        "studies.shop.training.rank",
        "studies.shop.training.epohcs",
        "studies.shop.decoding.max_new_tokens",
        "studies.shop.task_decoding.AG.max_length",
    ]


def test_a_broken_item_does_not_make_its_list_too_short() -> None:
    rows = [{"group": "Ours", "model": ["Small"]}]
    lines = problems(changed(".tables.ind.rows", rows))
    assert lines == ("studies.shop.tables.ind.rows.0.model: unknown key: did you mean `models`?",)
    assert problems(changed(".tables.ind.rows", [])) == (
        "studies.shop.tables.ind.rows: should be a list of at least 1",
    )


def test_the_small_configuration_is_valid() -> None:
    assert study_of(small()).title == "A shop"
