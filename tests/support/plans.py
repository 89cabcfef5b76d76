"""Plans of a small made-up study, for tests of what jobs it has."""

from typing import Any

from support.project import ROOT

from ecslm.config.loading import load_config
from ecslm.plan.plan import Plan
from ecslm.plan.rules import Job

IND = "IND_Diverse_Instruction"
OOD = "OOD_Diverse_Instruction"

Raw = dict[str, Any]

# Data that are on this machine, for plans that read none of it.
LOCAL = {"source": "hub", "id": str(ROOT / "resources/demo"), "revision": "main"}
TASKS: Raw = {
    "PM": ("yes_no", "binary_f1", ["Product_Matching"], {"ood": False}),
    "SA": ("choice", "macro_f1", ["Sentiment_Analysis"], {"option": "text"}),
    "SR": ("choice", "hit_rate", ["Sequential_Recommendation"], {"option": "letter"}),
    "QPR": ("ranking", "ndcg", ["Query_Product_Rank", "Query_Product_Ranking"], {"ood": False}),
    "AVE": ("extraction", "extraction_f1", ["Attribute_Value_Extraction"], {}),
    "AG": ("generation", "bert_f1", ["Answer_Generation"], {}),
    "NEW": ("yes_no", "binary_f1", ["A_New_Task"], {"train": False}),
    "AUX": ("yes_no", "binary_f1", ["An_Auxiliary_Task"], {"test": False}),
}
MODELS: Raw = {
    "Small": {"base": "Small", "template": "chatml"},
    "Small-EC": {"base": "Small", "template": "chatml", "training": {}, "seeds": [0, 1]},
}
BASELINES = ["always-yes", "always-no", "majority", "random", "input-order", "all-null"]


def plan(changes: Raw | None = None, **study: Any) -> Plan:
    """The plan of a small study; the first argument changes tasks of the registry, by code."""
    registry = {
        code: {"title": f"Task {code}", "aliases": aliases, "answer": answer, "metric": metric}
        | more
        | (changes or {}).get(code, {})
        for code, (answer, metric, aliases, more) in TASKS.items()
    }
    raw = {
        "study": "shop",
        "tasks": registry,
        "bases": {
            "Small": {"source": "path", "path": "models/small"},
            "Encoder": {"source": "path", "path": "models/encoder"},
        },
        "studies": {
            "shop": {
                "title": "A shop",
                "device": "cpu",
                "published_comparable": False,
                "data": {"source": "hub", "id": "a/b", "revision": "c0ffee"},
                "tasks": list(TASKS),
                "train_setting": IND,
                "settings": [IND, OOD],
                "precision": {"dtype": "float32"},
                "batch_tokens": 777,
                "bertscore": {"encoder": "Encoder", "layer": 2, "rescale_language": None},
                "models": MODELS,
                "baselines": BASELINES,
            }
            | study
        },
    }
    return Plan(load_config(raw, ROOT / "resources/prompts"))


def job(made: Plan, rule: str, **wildcards: object) -> Job:
    """One job of a plan."""
    statement = made.rules[rule]
    return statement.job(
        statement.key_type(**{name: str(value) for name, value in wildcards.items()})
    )


def first_files(made: Plan, *rules: str) -> list[str]:
    """The first output of each job of some rules: that which it is for."""
    return [
        path
        for name in rules
        for key in made.rules[name].all_keys()
        for path in made.rules[name].output_paths(next(iter(made.rules[name].patterns)), key)
    ]


def settings_of(made: Plan, rule: str, **wildcards: object) -> str | None:
    """The settings of a job whose source need not be here."""
    statement = made.rules[rule]
    return statement.settings_parameter(statement.key_type(**wildcards))


def content_of(made: Plan, rule: str, **wildcards: object) -> str | None:
    """What ties a job's results to the data source."""
    statement = made.rules[rule]
    return statement.content(statement.key_type(**wildcards))


def dataset_settings(made: Plan, task: str, split: str) -> str | None:
    """The settings of a dataset file."""
    return settings_of(made, "dataset", task=task, split=split)


def dataset_content(made: Plan, task: str, split: str) -> str | None:
    """What ties a dataset file to the data source."""
    return content_of(made, "dataset", task=task, split=split)


def adapter(made: Plan, model: str, seed: int = 0) -> Job:
    """The job that trains an adapter."""
    return job(made, "train_adapter", model=model, seed=seed)


def prediction(made: Plan, model: str, task: str, seed: int = 0) -> Job:
    """The job that predicts a task."""
    return job(made, "predict", model=model, seed=seed, task=task)


def score(made: Plan, task: str, model: str = "Small", seed: int = 0) -> Job:
    """The job that scores a model."""
    return job(made, "score", model=model, seed=seed, task=task)
