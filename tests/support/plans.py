"""Plans of a small made-up study, for tests of what jobs it has."""

from typing import Any

from support.project import ROOT

from ecslm.config.loading import load_config
from ecslm.plan.study import Study

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


def plan(changes: Raw | None = None, **study: Any) -> Study:
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
    return Study(load_config(raw, ROOT / "resources/prompts"))
