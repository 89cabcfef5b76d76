"""Records, quick settings and short calls for the tests of training and prediction."""

import json
import logging
import os
import runpy
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import fields
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from support.project import PROMPTS, SCRIPTS

from ecslm.common.files import write_jsonl
from ecslm.common.results_cache import ROOT_VARIABLE
from ecslm.families.backend import Request
from ecslm.families.predict import predict
from ecslm.families.settings import PredictionSettings, TransformersSettings
from ecslm.schemas.record import Record
from ecslm.training.run import train_adapter
from ecslm.training.settings import AdapterSettings

TEMPLATES = ("alpaca", "chatml", "llama3")

EXACT = {"quantization": "none", "dtype": "float32"}
QUANTISED = {"quantization": "nf4", "dtype": "float32"}

# Two epochs of three steps, with dropout, so that a resumed training must restore random states.
QUICK = {
    "rank": 4,
    "alpha": 8,
    "dropout": 0.1,
    "learning_rate": 2e-2,
    "epochs": 2,
    "global_batch": 4,
    "max_length": 400,
    "batch_tokens": 500,
}

INPUTS = (
    "query: black headphones; product: wireless headphones, black",
    "a yoga mat",
    "query: charging cable; product: stainless steel water bottle",
    "The customer bought a water bottle, then asked whether the yoga mat is in the same colour.",
    "desk lamp",
    "query: lamp; product: a desk lamp with three arms and a switch in its cord",
    "query: socks",
    "a pair of woollen socks, grey, size 42, with a hole: what will the seller say to that?",
    "kettle",
    "query: kettle with a thermometer; product: a tea pot",
)


def make_record(number: int = 0, **fields: Any) -> Record:
    """A record of a made-up shop; `fields` replace its values."""
    values = {
        "id": f"r{number}",
        "sample_id": f"s{number}",
        "task": ("PM", "AG")[number % 2],
        "split": "train",
        "setting": "IND_Diverse_Instruction",
        "instruction": "Does the product relate to the query? Answer yes or no.",
        "input": INPUTS[number % len(INPUTS)],
        "options": ["yes", "no"] if number % 3 == 0 else None,
        "output": ("yes", "no, it is another thing")[number % 2],
        "few_shot_example": None,
        "relevance": None,
    }
    return Record(**(values | fields))


def write_records(path: Path, count: int, **fields: Any) -> Path:
    """A dataset file of `count` made-up records."""
    write_jsonl(path, [make_record(number, **fields) for number in range(count)])
    return path


def cache_in(folder: Path) -> AbstractContextManager[Any]:
    """Keep finished results in a cache of the folder's own, unless the test has set another."""
    own = {ROOT_VARIABLE: str(folder / "cache")}
    return patch.dict(os.environ, own | dict(os.environ))


def adapter_settings(precision: dict[str, str] = EXACT, **changes: Any) -> AdapterSettings:
    """Quick training settings."""
    return AdapterSettings.model_validate({"precision": precision, "training": QUICK | changes})


def train(
    folder: Path, base: Path, settings: AdapterSettings | None = None, **changes: Any
) -> Path:
    """Train on ten made-up records into `folder`/adapter; returns the adapter's manifest."""
    manifest = folder / "adapter" / "manifest.json"
    options: dict[str, Any] = {
        "model": "Tiny-EC",
        "train": [write_records(folder / "train.jsonl", 10)],
        "val": [write_records(folder / "val.jsonl", 3, split="val")],
        "base": base,
        "template": PROMPTS / "alpaca.jinja",
        "settings": settings or adapter_settings(),
        "seed": 0,
        "device": "cpu",
        "threads": 1,
        "output": manifest,
        "code": "code:1",
        "checkpoint_seconds": 1e9,
    }
    with cache_in(folder):
        train_adapter(**(options | changes))
    return manifest


def prediction_settings(
    precision: dict[str, str] = EXACT, decoding: dict[str, Any] | None = None, **fields: Any
) -> TransformersSettings:
    """Settings of local weights with short answers."""
    return TransformersSettings.model_validate(
        {"precision": precision, "decoding": {"max_new_tokens": 24} | (decoding or {})} | fields
    )


def run_predict(
    folder: Path,
    base: Path | None,
    adapter: Path | None = None,
    settings: PredictionSettings | None = None,
    **changes: Any,
) -> Path:
    """Predict seven made-up records; returns the predictions file."""
    output = folder / "predictions.jsonl"
    asked: dict[str, Any] = {
        **{"base": base, "adapter": adapter, "template": PROMPTS / "alpaca.jinja", "threads": 1},
        **{"settings": settings or prediction_settings(), "batch_tokens": 300},
        **{one.name: changes.pop(one.name) for one in fields(Request) if one.name in changes},
    }
    options: dict[str, Any] = {
        "dataset": write_records(folder / "test.jsonl", 7, split="test"),
        "output": output,
        "cost": folder / "cost.json",
        "manifest": folder / "predictions.manifest.json",
        "code": "code:1",
    }
    with cache_in(folder):
        predict(Request(**asked), **(options | changes))
    return output


def read_lines(path: Path) -> list[dict[str, Any]]:
    """The objects of a JSON Lines file."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]


def trainer_of(model: Any, examples: Sequence[Any], **changes: Any) -> Any:
    """A trainer on a CPU that trains and evaluates these examples."""
    import torch

    from ecslm.training.batches import Padded
    from ecslm.training.trainer import Processes, Trainer

    options: dict[str, Any] = {
        "layout": Padded(2),
        "budget": 1,
        "processes": Processes(torch.device("cpu")),
    }
    return Trainer(model, examples, examples, **(options | changes))


def run_here(
    monkeypatch: pytest.MonkeyPatch, script: str, arguments: Sequence[object]
) -> int | str | None:
    """Run a script in this process, which has its libraries loaded; returns its exit status."""
    monkeypatch.setattr(sys, "argv", [script, *map(str, arguments)])
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    monkeypatch.setattr(logging, "captureWarnings", lambda _: None)
    try:
        runpy.run_path(str(SCRIPTS / script), run_name="__main__")
    except SystemExit as end:
        return end.code
    return 0
