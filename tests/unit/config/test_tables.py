"""The tables of a study."""

from typing import Any

import pytest
from support.configs import changed, loaded, problems, small

from ecslm.common.errors import InputError

# Each edit of the small configuration, and the only line that it gives.
PROBLEMS: dict[str, tuple[str, Any, str]] = {
    "an unknown key of a table, told by its kind": (
        ".tables.validity.setting",
        "IND",
        "studies.shop.tables.validity.setting: unknown key: did you mean `settings`?",
    ),
    "an unknown key of a table's group of rows": (
        ".tables.ind.rows.1.models_",
        [],
        "studies.shop.tables.ind.rows.1.models_: unknown key: did you mean `models`?",
    ),
    "an unknown column of a table": (
        ".tables.ind.columns",
        ["PM", "PN"],
        "studies.shop.tables.ind.columns: PN is not in the study's tasks: did you mean `PM`?",
    ),
    "an unknown task of the dataset table": (
        ".tables.dataset.tasks",
        ["PN"],
        "studies.shop.tables.dataset.tasks: PN is not in the study's tasks: did you mean `PM`?",
    ),
    "an unknown setting in a column of the dataset table": (
        ".tables.dataset.columns.0.setting",
        "INDD",
        "studies.shop.tables.dataset.columns.0.setting: INDD is not in the study's settings: did "
        "you mean `IND`?",
    ),
    "an unknown model in a group of rows": (
        ".tables.ind.rows.1.models",
        ["Small", "Small-CE"],
        "studies.shop.tables.ind.rows.1.models: Small-CE is not in the study's models: did you "
        "mean `Small-EC`?",
    ),
    "an unknown baseline in a group of rows": (
        ".tables.ind.rows.0.baselines",
        ["always-no"],
        "studies.shop.tables.ind.rows.0.baselines: always-no is not in the study's baselines: did "
        "you mean `always-yes`?",
    ),
    "an unknown model of a table": (
        ".tables.validity.models",
        ["Smal"],
        "studies.shop.tables.validity.models: Smal is not in the study's models: did you mean "
        "`Small`?",
    ),
    "an unknown model that reproduces a published row": (
        ".tables.reproduction.reproduces",
        {"Small-CE": "SmolLM2-360M-EC"},
        "studies.shop.tables.reproduction.reproduces: Small-CE is not in the study's models: did "
        "you mean `Small-EC`?",
    ),
    "a competitor that is not a row": (
        ".tables.ind.competitors",
        ["Large"],
        "studies.shop.tables.ind: competitors: Large is not a row",
    ),
    "an unknown setting of a table": (
        ".tables.ind.setting",
        "IDN",
        "studies.shop.tables.ind.setting: IDN is not in the study's settings: did you mean `IND`?",
    ),
    "an unknown setting in a list of a table": (
        ".tables.validity.settings",
        ["ODD"],
        "studies.shop.tables.validity.settings: ODD is not in the study's settings: did you mean "
        "`OOD`?",
    ),
    "an unknown contrast of a table": (
        ".tables.comparisons.contrasts",
        ["tunning"],
        "studies.shop.tables.comparisons.contrasts: tunning is not in the study's contrasts: did "
        "you mean `tuning`?",
    ),
    "an unknown contrast beside scores": (
        ".tables.wording.contrast",
        "domains",
        "studies.shop.tables.wording.contrast: domains is not in the study's contrasts: did you "
        "mean `domain`?",
    ),
    "a contrast of models beside scores of settings": (
        ".tables.wording.contrast",
        "tuning",
        "studies.shop.tables.wording.contrast: tuning compares models: name one of `kind: "
        "settings`",
    ),
    "an untuned model in the table of trained parameters": (
        ".tables.parameters.models",
        ["Small"],
        "studies.shop.tables.parameters.models: Small is not tuned: it has no trainable parameters",
    ),
    "a number for a list of names": (
        ".tables.validity.settings",
        3,
        "studies.shop.tables.validity.settings: should be a list, not 3",
    ),
    "mappings for names": (
        ".tables.validity.models",
        [{"name": "Small"}],
        "studies.shop.tables.validity.models.0: should be text",
    ),
}


@pytest.mark.parametrize(("path", "value", "line"), PROBLEMS.values(), ids=PROBLEMS)
def test_one_line_tells_of(path: str, value: Any, line: str) -> None:
    assert problems(changed(path, value)) == (line,)


def test_rows_whose_answers_are_not_free_do_not_compete() -> None:
    raw = changed(".tables.ind.competitors", ["Small", "Small-EC"])
    raw["studies"]["shop"]["models"]["Small"]["answers"] = "likelihood"
    assert (
        "studies.shop.tables.ind.competitors: Small does not compete: its answers are likelihood, "
        "not free"
    ) in problems(raw)


def test_the_best_of_rows_whose_answers_are_not_free_does_not_compete() -> None:
    raw = changed(".tables.ind.competitors", ["Best", "Small-EC"])
    study = raw["studies"]["shop"]
    study["models"]["Small"]["answers"] = "likelihood"
    best = {"group": "Best", "best_of": {"Best": ["Small", "Small-EC"]}}
    study["tables"]["ind"]["rows"].append(best)
    assert (
        "studies.shop.tables.ind.competitors: Best does not compete: the answers of Small are "
        "likelihood, not free"
    ) in problems(raw)


def test_a_table_of_lengths_in_tokens_needs_a_tokenizer() -> None:
    raw = small()
    study = raw["studies"]["shop"]
    study["models"] = {"Other": {"backend": "recorded", "path": "answers"}}
    study["tables"] = {"dataset": study["tables"]["dataset"]}
    del study["comparisons"]
    with pytest.raises(InputError) as caught:
        loaded(raw)
    assert caught.value.problems == (
        "studies.shop.tables.dataset: shows lengths in tokens, but none of the study's models has "
        "a base, whose tokenizer is needed: leave the table out",
    )
