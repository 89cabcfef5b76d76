"""A made-up study of three jobs, each of which reads what the one before has made."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from ecslm.common.files import write_text
from ecslm.common.hashing import canonical_json
from ecslm.common.manifests import made_from, manifest_of, write_manifest
from ecslm.fingerprint.running import code_parameter
from ecslm.provenance.dag import Job

SETTINGS = {"training": {"rank": 16, "alpha": 32}, "shots": 0}
VERSIONS = {"numpy": "2.4.6", "torch": "2.13.0"}


def versions(**others: str) -> str:
    """The parameter of versions, of which some are others."""
    return f"versions:{canonical_json(VERSIONS | others)}"


def job(rule: str, name: str, *inputs: str, cost: str | None = None) -> Job:
    """A job with one result."""
    result = f"results/shop/{name}"
    manifest = str(manifest_of(Path(result)))
    params = {
        "settings": canonical_json(SETTINGS),
        "versions": versions(),
        "code": code_parameter("score.py"),
    }
    outputs = {"result": (result,), "manifest": (manifest,)}
    if cost is not None:
        outputs = {"cost": (cost,), **outputs}
    return Job(rule, {}, outputs, manifest, inputs, params)


TRAIN, ADAPTER = "results/shop/train.jsonl", "results/shop/adapter.bin"
COST = "results/shop/adapter.cost.json"
DATASET_JOB = job("dataset", "train.jsonl")
TRAIN_JOB = job("train_adapter", "adapter.bin", TRAIN, "prompt.jinja", cost=COST)
SCORE_JOB = job("score", "score.json", ADAPTER)
JOBS = (DATASET_JOB, TRAIN_JOB, SCORE_JOB)


def make(one: Job) -> None:
    """Do a job: any content, and its true manifest, which lists no clock values."""
    for path in map(Path, one.results):
        write_text(path, f"made by {one.rule}")
    given = one.params
    origin = made_from(
        map(Path, one.inputs),
        json.loads(given["settings"]),
        given.get("code"),
        json.loads(given["versions"].partition(":")[2]),
    )
    origin["content"] = given.get("source")
    origin["template_sha256"] = (given.get("template") or "").partition(":")[2] or None
    listed = [Path(path) for path in one.results if path != COST]
    write_manifest(Path(one.manifest), origin, listed)


def planned(one: Job, **params: Any) -> Job:
    """The job as it would be now, with other parameters."""
    return replace(one, params=one.params | params, due=True)
