"""A small configuration with one of everything, for tests that change one thing in it."""

from typing import Any

import pytest
import yaml
from support.project import PROMPTS, ROOT

from ecslm.common.errors import InputError
from ecslm.config.loading import load_config
from ecslm.config.schema import Config, StudySettings

# The configuration that the project comes with.
SHIPPED = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))

Raw = dict[str, Any]


def small() -> Raw:
    """A whole configuration with one entry of each kind and a table of each kind."""
    columns = [{"title": "test", "split": "test", "setting": "IND"}]
    table = {"caption": "A table"}
    raw: Raw = {
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
    for name, entry in raw["studies"]["shop"]["tables"].items():
        entry["label"] = f"tab:{name}"
    return raw


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


def loaded(raw: Raw) -> Config:
    """The validated configuration."""
    return load_config(raw, PROMPTS)


def study_of(raw: Raw) -> StudySettings:
    """The study that a validated configuration runs."""
    return loaded(raw).current


def problems(raw: Raw) -> tuple[str, ...]:
    """The lines by which a configuration is refused."""
    with pytest.raises(InputError) as caught:
        loaded(raw)
    return caught.value.problems
