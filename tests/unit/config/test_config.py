"""The configuration: what is wrong in it, all at once, and what its models inherit."""

import copy
import json
import subprocess
import sys
from dataclasses import asdict
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from support.project import ROOT

from ecslm.common.errors import InputError
from ecslm.common.text import nearest
from ecslm.config.backends.transformers import TransformersModel
from ecslm.config.loading import load_config
from ecslm.config.schema import Config
from ecslm.plan.plan import Plan
from ecslm.schemas.paths import SHARED

TEMPLATES = ROOT / "resources/prompts"
SHIPPED = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))

Raw = dict[str, Any]


def small() -> Raw:
    """A whole configuration with one entry of each kind and a table of each kind."""
    columns = [{"title": "test", "split": "test", "setting": "IND"}]
    table = {"label": "tab:a", "caption": "A table"}
    return {
        "study": "shop",
        "tasks": {
            "PM": {
                "title": "Product Matching",
                "aliases": ["Product_Matching"],
                "answer": "yes_no",
                "metric": "binary_f1",
            },
            "AG": {
                "title": "Answer Generation",
                "aliases": ["Answer_Generation"],
                "answer": "generation",
                "metric": "bert_f1",
            },
        },
        "bases": {
            "Small": {"source": "path", "path": "models/small"},
            "Encoder": {"source": "hub", "id": "a/encoder", "revision": "main"},
        },
        "studies": {
            "shop": {
                "title": "A shop",
                "device": "cpu",
                "published_comparable": False,
                "data": {"source": "path", "path": "rows.jsonl"},
                "tasks": ["PM", "AG"],
                "train_setting": "IND",
                "settings": ["IND", "OOD"],
                "precision": {"dtype": "float32"},
                "training": {"rank": 8, "epochs": 2},
                "decoding": {"max_new_tokens": 20, "max_length": 500},
                "task_decoding": {"AG": {"max_new_tokens": 90}},
                "bertscore": {"encoder": "Encoder"},
                "models": {
                    "Small": {"base": "Small", "template": "chatml"},
                    "Small-EC": {"base": "Small", "template": "chatml", "training": {}},
                },
                "baselines": ["always-yes", "random"],
                "comparisons": {
                    "contrasts": {
                        "tuning": {
                            "kind": "models",
                            "pairs": [["Small-EC", "Small"]],
                            "settings": ["IND"],
                        },
                        "domain": {
                            "kind": "settings",
                            "pairs": [["OOD", "IND"]],
                            "models": ["Small-EC"],
                        },
                    }
                },
                "tables": {
                    "parameters": {"kind": "parameters", "models": ["Small-EC"], **table},
                    "dataset": {"kind": "dataset", "tasks": ["PM"], "columns": columns, **table},
                    "ind": {
                        "kind": "results",
                        "setting": "IND",
                        "columns": ["PM", "AG"],
                        "rows": [
                            {"group": "Trivial", "baselines": ["always-yes"]},
                            {"group": "Ours", "models": ["Small", "Small-EC"]},
                        ],
                        **table,
                    },
                    "validity": {
                        "kind": "validity",
                        "settings": ["IND"],
                        "columns": ["PM"],
                        "models": ["Small"],
                        **table,
                    },
                    "wording": {
                        "kind": "instructions",
                        "tasks": ["PM"],
                        "columns": [{"title": one, "setting": one} for one in ("IND", "OOD")],
                        "models": ["Small-EC"],
                        "contrast": "domain",
                        **table,
                    },
                    "comparisons": {
                        "kind": "comparisons",
                        "contrasts": ["tuning", "domain"],
                        "columns": ["PM"],
                        **table,
                    },
                    "reproduction": {
                        "kind": "reproduction",
                        "settings": {"IND": "IND"},
                        "columns": ["PM"],
                        "models": ["Small-EC"],
                        **table,
                    },
                },
            }
        },
    }


def changed(path: str, value: Any) -> Raw:
    """The small configuration with one value put at a path of keys."""
    raw = small()
    put(raw, path, value)
    return raw


def put(raw: Raw, path: str, value: Any) -> None:
    """Put a value at a path of keys; one that begins with a dot begins in the study."""
    *keys, last = (f"studies.shop{path}" if path.startswith(".") else path).split(".")
    here: Any = raw
    for key in keys:
        here = here[int(key) if isinstance(here, list) else key]
    here[int(last) if isinstance(here, list) else last] = value


def problems(raw: Raw) -> tuple[str, ...]:
    with pytest.raises(InputError) as caught:
        load_config(raw, TEMPLATES)
    return caught.value.problems


@pytest.mark.parametrize("study", ["demo", "paper"])
def test_the_shipped_configuration_is_valid_for(study: str) -> None:
    config = load_config({**SHIPPED, "study": study}, TEMPLATES)
    assert config.current.title == SHIPPED["studies"][study]["title"]
    assert config.current.tasks == tuple(SHIPPED["tasks"])


def test_the_demo_is_the_study_that_a_plain_run_makes() -> None:
    assert load_config(SHIPPED, TEMPLATES).study == "demo"


def test_the_paper_has_the_studys_tuned_models_settings_and_defaults() -> None:
    study = load_config({**SHIPPED, "study": "paper"}, TEMPLATES).current
    tuned = {name: model for name, model in study.models.items() if model.tuned}
    assert len([name for name in tuned if name.endswith("-EC")]) == 6
    assert all(len(model.seeds) == 3 for model in tuned.values())
    assert {model.training.rank for model in tuned.values() if model.training} == {16}
    assert study.task_decoding["AVE"].max_length == study.decoding.max_length == 4000


def test_the_small_configuration_is_valid() -> None:
    assert load_config(small(), TEMPLATES).current.title == "A shop"


# Each edit of the small configuration, and the only line that it gives.
ONE_PROBLEM: dict[str, tuple[str, Any, str]] = {
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
    "an unknown key of a model": (
        ".models.Small.seed",
        0,
        "studies.shop.models.Small.seed: unknown key: did you mean `seeds`?",
    ),
    "an unknown key of a model's training": (
        ".models.Small-EC.training",
        {"learnig_rate": 0.1},
        "studies.shop.models.Small-EC.training.learnig_rate: unknown key: did you mean "
        "`learning_rate`?",
    ),
    "an unknown key of a task": (
        "tasks.PM.alias",
        [],
        "tasks.PM.alias: unknown key: did you mean `aliases`?",
    ),
    "an unknown key of a task's decoding": (
        ".task_decoding.AG",
        {"max_new_token": 9},
        "studies.shop.task_decoding.AG.max_new_token: unknown key: did you mean `max_new_tokens`?",
    ),
    "an unknown key of a base, told by its source": (
        "bases.Encoder.revison",
        "main",
        "bases.Encoder.revison: unknown key: did you mean `revision`?",
    ),
    "an unknown key of the data, told by its source": (
        ".data.label",
        None,
        "studies.shop.data.label: unknown key: did you mean `labels`?",
    ),
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
    "a backend that there is not": (
        ".models.Small.backend",
        "recoded",
        "studies.shop.models.Small.backend: unknown backend recoded: did you mean `recorded`?",
    ),
    "an unknown key of a recorded model, told by its backend": (
        ".models.Other",
        {"backend": "recorded", "path": "answers", "setings": ["IND"]},
        "studies.shop.models.Other.setings: unknown key: did you mean `settings`?",
    ),
    "a recorded model without answers": (
        ".models.Other",
        {"backend": "recorded"},
        "studies.shop.models.Other: needs either `path` or `published`",
    ),
    "a recorded model with two places of answers": (
        ".models.Other",
        {"backend": "recorded", "path": "answers", "published": "other"},
        "studies.shop.models.Other: needs either `path` or `published`",
    ),
    "published answers from nowhere": (
        ".models.Other",
        {"backend": "recorded", "published": "other"},
        "studies.shop.answers: missing: Other has `published`",
    ),
    "a setting of a recorded model that is not the study's": (
        ".models.Other",
        {"backend": "recorded", "path": "answers", "settings": ["INDD"]},
        "studies.shop.models.Other.settings: INDD is not in the study's settings: did you mean "
        "`IND`?",
    ),
    "a task of a recorded model that is not the study's": (
        ".models.Other",
        {"backend": "recorded", "path": "answers", "tasks": ["PMM"]},
        "studies.shop.models.Other.tasks: PMM is not in the study's tasks: did you mean `PM`?",
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
    "an unknown key like no other": (
        ".bertscore.zzz",
        1,
        "studies.shop.bertscore.zzz: unknown key: expected one of encoder, layer, rescale_language",
    ),
    "an unknown study": (
        "study",
        "shoop",
        "study: shoop is not in studies: did you mean `shop`?",
    ),
    "an unknown task of the study": (
        ".tasks",
        ["PM", "AG", "AGG"],
        "studies.shop.tasks: AGG is not in tasks: did you mean `AG`?",
    ),
    "an unknown task of task_decoding": (
        ".task_decoding.PMM",
        {},
        "studies.shop.task_decoding: PMM is not in tasks: did you mean `PM`?",
    ),
    "an unknown base": (
        ".models.Small.base",
        "Smal",
        "studies.shop.models.Small.base: Smal is not in bases: did you mean `Small`?",
    ),
    "an unknown encoder": (
        ".bertscore.encoder",
        "Encodr",
        "studies.shop.bertscore.encoder: Encodr is not in bases: did you mean `Encoder`?",
    ),
    "an unknown base of architectures": (
        ".architectures",
        {"Smalll": "SmolLM2-360M"},
        "studies.shop.architectures: Smalll is not in bases: did you mean `Small`?",
    ),
    "an unknown template": (
        ".models.Small.template",
        "chatlm",
        f"studies.shop.models.Small.template: chatlm is not in {TEMPLATES}: did you mean `chatml`?",
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
    "an unknown model in a contrast": (
        ".comparisons.contrasts.tuning.pairs",
        [["Small-CE", "Small"]],
        "studies.shop.comparisons.contrasts.tuning.pairs: Small-CE is not in the study's models: "
        "did you mean `Small-EC`?",
    ),
    "an unknown setting of a contrast of models": (
        ".comparisons.contrasts.tuning.settings",
        ["INDD"],
        "studies.shop.comparisons.contrasts.tuning.settings: INDD is not in the study's settings: "
        "did you mean `IND`?",
    ),
    "an unknown setting in a pair": (
        ".comparisons.contrasts.domain.pairs",
        [["ODD", "IND"]],
        "studies.shop.comparisons.contrasts.domain.pairs: ODD is not in the study's settings: did "
        "you mean `OOD`?",
    ),
    "an unknown model of a contrast of settings": (
        ".comparisons.contrasts.domain.models",
        ["Smal"],
        "studies.shop.comparisons.contrasts.domain.models: Smal is not in the study's models: did "
        "you mean `Small`?",
    ),
    "a contrast of an unknown kind": (
        ".comparisons.contrasts.tuning.kind",
        "model",
        "studies.shop.comparisons.contrasts.tuning.kind: unknown kind model: did you mean "
        "`models`?",
    ),
    "a contrast without a kind": (
        ".comparisons.contrasts.tuning",
        {"pairs": [["Small-EC", "Small"]], "settings": ["IND"]},
        "studies.shop.comparisons.contrasts.tuning.kind: missing",
    ),
    "a pair and its mirror image": (
        ".comparisons.contrasts.tuning.pairs",
        [["Small-EC", "Small"], ["Small", "Small-EC"]],
        "studies.shop.comparisons.contrasts.tuning: pairs: a pair is listed twice",
    ),
    "a setting that a contrast has twice": (
        ".comparisons.contrasts.tuning.settings",
        ["IND", "IND"],
        "studies.shop.comparisons.contrasts.tuning.settings: `IND` is listed twice",
    ),
    "a pair of one": (
        ".comparisons.contrasts.tuning.pairs",
        [["Small", "Small"]],
        "studies.shop.comparisons.contrasts.tuning: pairs: a pair needs two different names",
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
    "a word for a number": (
        ".training.rank",
        "sixteen",
        "studies.shop.training.rank: input should be a valid integer, unable to parse string as "
        "an integer, not 'sixteen'",
    ),
    "a number out of range": (
        ".models.Small-EC.training",
        {"dropout": 1.0},
        "studies.shop.models.Small-EC.training.dropout: input should be less than 1, not 1.0",
    ),
    "a value that is not among the choices": (
        ".device",
        "gpu",
        "studies.shop.device: input should be 'cpu' or 'cuda', not 'gpu'",
    ),
    "a number for a list of names": (
        ".tables.validity.settings",
        3,
        "studies.shop.tables.validity.settings: input should be a valid tuple, not 3",
    ),
    "mappings for names": (
        ".tables.validity.models",
        [{"name": "Small"}],
        "studies.shop.tables.validity.models.0: input should be a valid string",
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
    "a name that cannot be part of a path": (
        ".models.A/B",
        {"base": "Small", "template": "chatml"},
        "studies.shop.models.A/B: string should match pattern '^[A-Za-z0-9][A-Za-z0-9._-]*$', not "
        "'A/B'",
    ),
    "a metric that cannot score the answers": (
        "tasks.PM.metric",
        "ndcg",
        "tasks.PM: metric: ndcg cannot score yes_no: use binary_f1",
    ),
    "generation without an encoder": (
        ".bertscore",
        None,
        "studies.shop.bertscore: missing: AG is scored with it",
    ),
    "an untuned greedy model with two seeds": (
        ".models.Small.seeds",
        [0, 1],
        "studies.shop.models.Small.seeds: an untuned model with greedy decoding has the single "
        "seed 0",
    ),
    "answers as long as all tokens, for one model": (
        ".models.Small.decoding",
        {"max_new_tokens": 500},
        "studies.shop.models.Small.decoding.max_length: 500 should be greater than the 500 tokens "
        "of max_new_tokens, with the keys of decoding",
    ),
    "answers of one task as long as all tokens of a model": (
        ".models.Small.decoding",
        {"max_length": 90},
        "studies.shop.models.Small.decoding.max_length: 90 should be greater than the 90 tokens "
        "of max_new_tokens, with the keys of task_decoding.AG",
    ),
    "a misspelt decoding key of a model": (
        ".models.Small.decoding",
        {"max_new_token": 5},
        "studies.shop.models.Small.decoding.max_new_token: unknown key: did you mean "
        "`max_new_tokens`?",
    ),
    "a share of no records": (
        ".training.train_fraction",
        0,
        "studies.shop.training.train_fraction: input should be greater than 0, not 0",
    ),
    "a model with a baseline's name": (
        ".models.random",
        {"base": "Small", "template": "chatml"},
        "studies.shop.models.random: is also the name of a baseline: rename the model",
    ),
    "fetched labels that are not pinned": (
        ".data.labels",
        {"path": "label.json", "url": "https://example.org/label.json"},
        "studies.shop.data.labels.sha256: missing: needed to verify the file from `url`",
    ),
}


def ranking(data: Raw, settings: list[str]) -> Raw:
    """The small configuration with a ranking task alone, without tables and comparisons."""
    task = {"title": "Ranking", "aliases": [], "answer": "ranking", "metric": "ndcg", "ood": False}
    raw = changed("tasks.QPR", task)
    for key, value in (("data", data), ("settings", settings), ("tasks", ["QPR"]), ("tables", {})):
        put(raw, f".{key}", value)
    put(raw, ".comparisons", None)
    return raw


LABELS = {"source": "path", "path": "rows.jsonl", "labels": {"path": "label.json"}}
PLAIN = {"source": "path", "path": "rows.jsonl"}
ONE_SHOT = "IND_Diverse_Instruction_1-shot"


@pytest.mark.parametrize("data", [LABELS, {"source": "demo"}])
def test_labels_need_a_setting_whose_rows_they_follow(data: Raw) -> None:
    assert problems(ranking(data, [ONE_SHOT])) == (
        "studies.shop.settings: QPR needs IND_Diverse_Instruction or IND_Single_Instruction: "
        "the relevance labels are in their row order",
    )
    load_config(ranking(data, [ONE_SHOT, "IND_Single_Instruction"]), TEMPLATES)


def test_without_labels_a_ranking_is_evaluated_under_any_setting() -> None:
    study = load_config(ranking(PLAIN, [ONE_SHOT]), TEMPLATES).current
    assert study.settings == (ONE_SHOT,)


def test_a_task_without_ood_records_needs_another_setting() -> None:
    raw = ranking(PLAIN, ["OOD_Diverse_Instruction"])
    assert problems(raw) == (
        "studies.shop.settings: none has test records of QPR, whose `ood` is false",
    )
    put(raw, "tasks.QPR.test", False)
    load_config(raw, TEMPLATES)


@pytest.mark.parametrize("name", sorted(SHARED))
def test_a_study_cannot_take_a_directory_that_studies_share(name: str) -> None:
    raw = small()
    raw["studies"][name] = raw["studies"]["shop"]
    (line,) = problems(raw)
    assert (
        line == f"studies.{name}: is the name of a directory that studies share: rename the study"
    )


@pytest.mark.parametrize("kind", ONE_PROBLEM)
def test_one_line_tells_of(kind: str) -> None:
    path, value, line = ONE_PROBLEM[kind]
    assert problems(changed(path, value)) == (line,)


@pytest.mark.parametrize(
    ("path", "value", "line"),
    [
        ("studies.shop.tasks", ["PM", "AG", "PM"], "studies.shop.tasks: PM is listed twice"),
        ("studies.shop.settings", ["IND", "IND"], "studies.shop.settings: IND is listed twice"),
        (
            "studies.shop.models.Small-EC.seeds",
            [3, 3],
            "studies.shop.models.Small-EC.seeds: a seed is listed twice",
        ),
        (
            "studies.shop.models.Small-EC.shots",
            1,
            "studies.shop.models.Small-EC.shots: training records have no examples: a tuned model "
            "has `shots: 0`",
        ),
        (
            "studies.shop.models.Small.shots",
            1,
            "studies.shop.models.Small.shots: 1 needs the 1-shot settings among the study's "
            "`settings`",
        ),
        (
            "studies.shop.decoding.max_new_tokens",
            500,
            "studies.shop.decoding.max_length: should be greater than the 500 tokens of "
            "max_new_tokens, not 500",
        ),
        (
            "studies.shop.task_decoding.AG.max_new_tokens",
            700,
            "studies.shop.task_decoding.AG.max_length: should be greater than the 700 tokens of "
            "max_new_tokens, not 500",
        ),
        (
            "studies.shop.models.Small.answers",
            "constrained",
            "studies.shop.models.Small: its answers are not free: rename it so that its rows say "
            "so: Small-constrained",
        ),
        (
            "studies.shop.models.Small.normalization",
            "bytes",
            "studies.shop.models.Small.normalization: only with `answers: likelihood`, not 'bytes'",
        ),
        (
            "studies.shop.models.Small",
            {"base": "Small", "template": "chatml", "adapter_of": "Smal-EC"},
            "studies.shop.models.Small.adapter_of: Smal-EC is not in the study's models: did you "
            "mean `Small-EC`?",
        ),
        (
            "studies.shop.models.Small-EC.adapter_of",
            "Small",
            "studies.shop.models.Small-EC.adapter_of: Small is not tuned: it has no adapters",
        ),
        (
            "studies.shop.models.Small-EC.adapter_of",
            "Small",
            "studies.shop.models.Small-EC.adapter_of: has `training`, thus adapters of its own: "
            "leave one of them out",
        ),
        (
            "studies.shop.models.Small",
            {"base": "Small", "template": "alpaca", "adapter_of": "Small-EC"},
            "studies.shop.models.Small.template: is not that of Small-EC, whose adapters it uses",
        ),
        (
            "studies.shop.models.Small",
            {"base": "Small", "template": "chatml", "adapter_of": "Small-EC", "seeds": [0, 7]},
            "studies.shop.models.Small.seeds: Small-EC has no adapter of seed 7",
        ),
        (
            # The default is the limit.
            "studies.shop.decoding",
            {"max_new_tokens": 4000},
            "studies.shop.decoding.max_length: should be greater than the 4000 tokens of "
            "max_new_tokens, not 4000",
        ),
    ],
)
def test_what_could_not_run_is_told_before_anything_runs(path: str, value: Any, line: str) -> None:
    assert line in problems(changed(path, value))


def test_answers_can_be_limited_only_where_a_task_has_such_answers() -> None:
    raw = changed(".tasks", ["AG"])
    raw["studies"]["shop"]["models"]["Small"]["answers"] = "constrained"
    types = "yes_no or choice or ranking or extraction"
    assert (
        f"studies.shop.models.Small.answers: no task of the study has {types} as its `answer`, as "
        "constrained needs"
    ) in problems(raw)


def test_rows_whose_answers_are_not_free_do_not_compete() -> None:
    raw = changed(".tables.ind.competitors", ["Small", "Small-EC"])
    raw["studies"]["shop"]["models"]["Small"]["answers"] = "likelihood"
    assert (
        "studies.shop.tables.ind.competitors: Small does not compete: its answers are likelihood, "
        "not free"
    ) in problems(raw)


def test_a_tuned_model_needs_a_task_that_trains() -> None:
    raw = small()
    for task in raw["tasks"].values():
        task["train"] = False
    (line,) = problems(raw)
    assert line == (
        "studies.shop.models.Small-EC.training: none of the study's tasks has `train: true`"
    )


@pytest.mark.parametrize(
    "path",
    ["tasks", "settings", "baselines", "models", "tables", "task_decoding", "architectures"],
)
@pytest.mark.parametrize("value", [[{"a": 1}], {"a": [1]}, 3, "word", None, [[]], {1: 2}])
def test_any_wrong_shape_is_told_with_its_key(path: str, value: Any) -> None:
    raw = small()
    raw["studies"]["shop"][path] = value
    assert any(line.startswith(f"studies.shop.{path}") for line in problems(raw))


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
        "studies.shop.training.rank: input should be greater than or equal to 1, not 0",
        "studies.shop.models.Small.shots: input should be 0 or 1, not 2",
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
        "studies.shop.tables.ind.rows: tuple should have at least 1 item after validation, not 0",
    )


def test_tuned_models_inherit_training_key_by_key() -> None:
    raw = changed(".models.Small-EC.training", {"epochs": 5})
    models = load_config(raw, TEMPLATES).current.models
    training = models["Small-EC"].training
    assert training is not None
    assert (training.epochs, training.rank, training.alpha) == (5, 8, 16)
    assert models["Small"].training is None, "a base as it is stays untuned"


def test_an_empty_training_section_is_the_studys_own() -> None:
    study = load_config(small(), TEMPLATES).current
    assert study.models["Small-EC"].tuned
    assert study.models["Small-EC"].training == study.training


def test_a_tuned_model_may_have_seeds_where_the_study_has_no_training_section() -> None:
    raw = changed(".models.Small-EC.seeds", [0, 1])
    del raw["studies"]["shop"]["training"]
    study = load_config(raw, TEMPLATES).current
    assert study.models["Small-EC"].training == study.training
    assert study.models["Small-EC"].seeds == (0, 1)


@pytest.mark.parametrize("section", [".decoding", ".task_decoding.AG"])
def test_an_untuned_model_that_samples_may_have_seeds(section: str) -> None:
    raw = changed(".models.Small.seeds", [0, 1])
    put(raw, section, {"sample": True})
    assert load_config(raw, TEMPLATES).current.models["Small"].seeds == (0, 1)


def test_all_models_inherit_precision_key_by_key() -> None:
    raw = changed(".models.Small.precision", {"quantization": "none"})
    models = load_config(raw, TEMPLATES).current.models
    own, inherited = models["Small"].precision, models["Small-EC"].precision
    assert (own.quantization, own.dtype) == ("none", "float32")
    assert (inherited.quantization, inherited.dtype) == ("nf4", "float32")


def test_recorded_answers_inherit_nothing_of_the_study() -> None:
    raw = small()
    raw["studies"]["shop"]["models"]["Other"] = {"backend": "recorded", "path": "answers"}
    other = load_config(raw, TEMPLATES).current.models["Other"]
    assert (other.base, other.template, other.training, other.seeds) == (None, None, None, (0,))


def test_a_table_of_lengths_in_tokens_needs_a_tokenizer() -> None:
    raw = small()
    study = raw["studies"]["shop"]
    study["models"] = {"Other": {"backend": "recorded", "path": "answers"}}
    study["tables"] = {"dataset": study["tables"]["dataset"]}
    del study["comparisons"]
    with pytest.raises(InputError) as caught:
        load_config(raw, TEMPLATES)
    assert caught.value.problems == (
        "studies.shop.tables.dataset: shows lengths in tokens, but none of the study's models has "
        "a base, whose tokenizer is needed: leave the table out",
    )


def test_decoding_of_a_task_inherits_key_by_key() -> None:
    study = load_config(small(), TEMPLATES).current
    assert study.task_decoding["AG"].max_new_tokens == 90
    assert study.task_decoding["AG"].max_length == 500
    assert study.decoding.max_new_tokens == 20


def test_a_models_own_decoding_replaces_single_keys_in_every_task() -> None:
    raw = changed(".models.Small.decoding", {"sample": True, "max_new_tokens": 30})
    study = load_config(raw, TEMPLATES).current
    small_model, tuned = study.models["Small"], study.models["Small-EC"]
    assert isinstance(small_model, TransformersModel) and isinstance(tuned, TransformersModel)
    for shared in (study.decoding, study.task_decoding["AG"]):
        found = small_model.decoded(shared)
        assert (found.sample, found.max_new_tokens, found.max_length) == (True, 30, 500)
        assert found.temperature == shared.temperature
        assert tuned.decoded(shared) == shared


@pytest.mark.parametrize(("shared", "own"), [(False, True), (True, False)])
def test_whether_an_untuned_model_may_have_seeds_is_told_by_its_own_decoding(
    shared: bool, own: bool
) -> None:
    raw = changed(".models.Small", {"base": "Small", "template": "chatml", "seeds": [0, 1]})
    put(raw, ".decoding.sample", shared)
    put(raw, ".models.Small.decoding", {"sample": own})
    if own:
        assert load_config(raw, TEMPLATES).current.models["Small"].seeds == (0, 1)
    else:
        with pytest.raises(InputError, match="greedy decoding has the single seed 0"):
            load_config(raw, TEMPLATES)


def test_the_paper_has_the_ablations_that_differ_in_one_thing_each() -> None:
    study = load_config({**SHIPPED, "study": "paper"}, TEMPLATES).current
    models = study.models

    def changes(name: str, other: str) -> dict[str, Any]:
        one, two = (models[each].model_dump() for each in (name, other))
        return {key: value for key, value in one.items() if value != two[key]}

    for size in ("SmolLM2-360M", "SmolLM2-1.7B"):
        found = changes(f"{size}-EC-released", f"{size}-EC")
        assert found.keys() == {"precision", "decoding"}
        assert found["precision"] == {"quantization": "none", "dtype": "bfloat16"}
        released = models[f"{size}-EC-released"]
        assert isinstance(released, TransformersModel)
        decoding = released.decoded(study.decoding)
        assert (decoding.sample, decoding.temperature, decoding.top_p) == (True, 0.15, 0.95)
    whole = models["SmolLM2-1.7B-EC"].training
    assert whole is not None
    for name, fraction in (("1pct", 0.01), ("10pct", 0.1)):
        found = changes(f"SmolLM2-1.7B-EC-{name}", "SmolLM2-1.7B-EC")
        assert found == {"training": whole.model_dump() | {"train_fraction": fraction}}
    free = {name: model for name, model in models.items() if model.limits() is None}
    untuned = [name for name, model in free.items() if not model.tuned and not model.shots]
    for name in untuned:
        assert changes(f"{name}-1shot", name) == {"shots": 1}
    for size in ("SmolLM2-360M", "SmolLM2-1.7B"):
        for mode in ("constrained", "likelihood"):
            assert changes(f"{size}-{mode}", size) == {"answers": mode}
            assert changes(f"{size}-EC-{mode}", f"{size}-EC") == {
                "answers": mode,
                "training": None,
                "adapter_of": f"{size}-EC",
            }
            by_bytes = changes(f"{size}-EC-likelihood-bytes", f"{size}-EC-likelihood")
            assert by_bytes == {"normalization": "bytes"}


@pytest.mark.parametrize("name", ["Llama-2-13B-chat", "Mistral-7B-Instruct-v0.2", "EcomGPT"])
def test_the_papers_open_models_are_quantised_and_have_prompts_of_their_own(name: str) -> None:
    models = load_config({**SHIPPED, "study": "paper"}, TEMPLATES).current.models
    model = models[name]
    assert isinstance(model, TransformersModel)
    assert model.precision.quantization == "nf4"
    of_base = {one.base for one in models.values() if one.template == model.template}
    assert of_base == {model.base}


def turned(value: Any) -> Any:
    """The value with the keys of all its mappings in the opposite order."""
    if isinstance(value, dict):
        return {key: turned(value[key]) for key in reversed(value)}
    return [turned(item) for item in value] if isinstance(value, list) else value


def parameters(raw: Raw) -> dict[str, tuple[str | None, str | None]]:
    """All parameters that the configuration alone decides, by rule and wildcards of their job."""
    return {
        " ".join((rule.name, *asdict(key).values())): (
            rule.settings_parameter(key),
            rule.versions_parameter(key),
        )
        for rule in Plan(load_config(raw, TEMPLATES)).rules.values()
        for key in rule.all_keys()
    }


@pytest.mark.parametrize("raw", [small(), SHIPPED, {**SHIPPED, "study": "paper"}])
def test_the_order_of_keys_changes_no_parameter(raw: Raw) -> None:
    assert list(turned(raw)) != list(raw)
    assert parameters(turned(raw)) == parameters(raw)


def test_left_out_keys_and_spelt_out_defaults_give_the_same_parameters() -> None:
    raw = changed(".training", {"rank": 8, "epochs": 2, "alpha": 16, "scheduler": "cosine"})
    assert parameters(raw) == parameters(small())


@given(st.integers(1, 64), st.integers(1, 64))
def test_swapping_rank_and_alpha_changes_the_adapters_parameter(rank: int, alpha: int) -> None:
    def adapter(rank: int, alpha: int) -> tuple[str | None, str | None]:
        found = parameters(changed(".training", {"rank": rank, "alpha": alpha}))
        return found["train_adapter Small-EC 0"]

    assert (adapter(rank, alpha) == adapter(alpha, rank)) == (rank == alpha)


@pytest.mark.parametrize(
    ("path", "value", "jobs"),
    [
        (".training.rank", 9, ["train_adapter *", "render_table parameters"]),
        (
            ".models.Small-EC.training",
            {"rank": 9},
            ["train_adapter *", "render_table parameters"],
        ),
        (
            ".task_decoding.AG",
            {"max_new_tokens": 91},
            ["predict * AG", "describe_data AG", "export_model *"],
        ),
        (".models.Small.decoding", {"sample": True}, ["predict Small *"]),
        (".scoring", {"resamples": 9}, ["score *", "score_baseline *", "differences *"]),
        (".bertscore.layer", 9, ["bertscore *"]),
        ("bases.Small.path", "models/other", ["base_model Small"]),
        (".title", "Another shop", ["report_page", "data_card", "model_card *"]),
        (".tables.ind.caption", "Another caption", ["render_table ind"]),
        # All tables but that of parameters name the task.
        (
            "tasks.PM.title",
            "Matching",
            ["report_page", "data_card", "model_card *", "render_table [!p]*"],
        ),
    ],
)
def test_an_edit_changes_the_parameters_of_what_it_concerns_alone(
    path: str, value: Any, jobs: list[str]
) -> None:
    before, after = parameters(small()), parameters(changed(path, value))
    assert before.keys() == after.keys()
    expected = {name for name in before for pattern in jobs if fnmatchcase(name, pattern)}
    assert {name for name in before if before[name] != after[name]} == expected


def test_data_are_described_with_a_model_that_is_run() -> None:
    raw = changed(".described_with", "Small")
    put(raw, ".models.Small.run", False)
    assert problems(raw) == ("studies.shop.described_with: Small is not run",)


def test_a_model_that_is_not_run_changes_nothing() -> None:
    raw = small()
    put(raw, "bases.Other", {"source": "path", "path": "models/other"})
    off = {"base": "Other", "template": "llama3", "training": {}, "seeds": [0, 1], "run": False}
    put(raw, ".models.Another-EC", off)
    assert parameters(raw) == parameters(small())


def test_a_model_that_is_no_longer_run_has_no_jobs() -> None:
    raw = small()
    put(raw, ".models.Other-EC", dict(raw["studies"]["shop"]["models"]["Small-EC"]))
    before = parameters(raw)
    put(raw, ".models.Other-EC.run", False)
    assert parameters(raw).keys() == {name for name in before if "Other-EC" not in name}


@pytest.mark.parametrize(
    ("name", "valid", "phrase"),
    [
        ("rnak", ["rank", "alpha"], ": did you mean `rank`?"),
        ("zzzz", ["rank", "alpha"], ": expected one of alpha, rank"),
        ("rank", [], ""),
    ],
)
def test_the_nearest_name_is_offered_or_a_few_are_listed(
    name: str, valid: list[str], phrase: str
) -> None:
    assert nearest(name, valid) == phrase


def test_the_schema_file_is_in_step_with_the_code(tmp_path: Path) -> None:
    output = tmp_path / "schema.json"
    script = ROOT / "scripts/config_schema.py"
    subprocess.run([sys.executable, str(script), "--output", str(output)], check=True)
    shipped = ROOT / "resources/config.schema.json"
    assert output.read_bytes() == shipped.read_bytes(), "run scripts/config_schema.py"


# Fields that their section's own description explains, and the tags that tell sections apart.
EXPLAINED = {"source", "kind"}


def test_every_field_of_the_schema_has_a_description() -> None:
    schema = Config.model_json_schema()
    sections = {**schema["$defs"], "Config": schema}
    fields = {
        f"{name}.{field}": (section, content)
        for name, section in sections.items()
        for field, content in section["properties"].items()
    }
    assert len(fields) > 100
    silent = {
        name
        for name, (section, content) in fields.items()
        if not _described(content, schema["$defs"])
        and not (EXPLAINED & {name, name.split(".")[1]} and section["description"])
    }
    assert silent == set()


def _described(content: dict[str, Any], sections: dict[str, Any]) -> bool:
    """Whether a field says what it is, or is a section that does."""
    referred = [part["$ref"] for part in content.get("anyOf", [content]) if "$ref" in part]
    return "description" in content or any(
        "description" in sections[reference.rpartition("/")[2]] for reference in referred
    )


def test_editors_find_the_schema_from_the_configuration() -> None:
    first = (ROOT / "config.yaml").read_text(encoding="utf-8").splitlines()[0]
    path = first.partition("$schema=")[2]
    schema = json.loads((ROOT / path).read_text(encoding="utf-8"))
    assert schema["title"] == "Config"
    assert schema["additionalProperties"] is False
