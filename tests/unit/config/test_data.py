"""Where a study's data come from, and with what they are described."""

from typing import Any

import pytest
from support.configs import Raw, changed, loaded, problems, put, small, study_of

# Each edit of the small configuration, and the only line that it gives.
PROBLEMS: dict[str, tuple[str, Any, str]] = {
    "an unknown key of the data, told by its source": (
        ".data.label",
        None,
        "studies.shop.data.label: unknown key: did you mean `labels`?",
    ),
    "an unknown sort of data": (
        ".data",
        {"source": "paht"},
        "studies.shop.data.source: unknown source paht: did you mean `path`?",
    ),
    "data without a path": (
        ".data",
        {"source": "path"},
        "studies.shop.data.path: missing",
    ),
    "fetched labels that are not pinned": (
        ".data.labels",
        {"path": "label.json", "url": "https://example.org/label.json"},
        "studies.shop.data.labels.sha256: missing: needed to verify the file from `url`",
    ),
    "a description with a model that has no tokenizer": (
        "studies.shop",
        small()["studies"]["shop"]
        | {
            "described_with": "Smal",
            "models": small()["studies"]["shop"]["models"]
            | {"Smal": {"backend": "recorded", "path": "answers"}},
        },
        "studies.shop.described_with: Smal has no base, whose tokenizer is needed: did you mean "
        "`Small`?",
    ),
}


@pytest.mark.parametrize(("path", "value", "line"), PROBLEMS.values(), ids=PROBLEMS)
def test_one_line_tells_of(path: str, value: Any, line: str) -> None:
    assert problems(changed(path, value)) == (line,)


def test_data_are_described_with_a_model_that_is_run() -> None:
    raw = changed(".described_with", "Small")
    put(raw, ".models.Small.run", False)
    assert problems(raw) == ("studies.shop.described_with: Small is not run",)


LABELS = {"source": "path", "path": "rows.jsonl", "labels": {"path": "label.json"}}
PLAIN = {"source": "path", "path": "rows.jsonl"}
ONE_SHOT = "IND_Diverse_Instruction_1-shot"


def ranking(data: Raw, settings: list[str]) -> Raw:
    """The small configuration with a ranking task alone, without tables and comparisons."""
    task = {"title": "Ranking", "aliases": [], "answer": "ranking", "metric": "ndcg", "ood": False}
    raw = changed("tasks.QPR", task)
    for key, value in (("data", data), ("settings", settings), ("tasks", ["QPR"]), ("tables", {})):
        put(raw, f".{key}", value)
    put(raw, ".comparisons", None)
    return raw


def test_labels_need_a_setting_whose_rows_they_follow() -> None:
    assert problems(ranking(LABELS, [ONE_SHOT])) == (
        "studies.shop.settings: QPR needs IND_Diverse_Instruction or IND_Single_Instruction: "
        "the relevance labels are in their row order",
    )
    loaded(ranking(LABELS, [ONE_SHOT, "IND_Single_Instruction"]))


def test_without_labels_a_ranking_is_evaluated_under_any_setting() -> None:
    study = study_of(ranking(PLAIN, [ONE_SHOT]))
    assert study.settings == (ONE_SHOT,)


def test_a_task_without_ood_records_needs_another_setting() -> None:
    raw = ranking(PLAIN, ["OOD_Diverse_Instruction"])
    assert problems(raw) == (
        "studies.shop.settings: none has test records of QPR, whose `ood` is false",
    )
    put(raw, "tasks.QPR.test", False)
    loaded(raw)
