"""A study whose only model is run by a server: from its configuration to tables and back."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.local_server import (
    KEY,
    PRICES,
    VARIABLE,
    LocalServer,
    completion,
    failure,
    in_turn,
    local_server,
    prompt_of,
)
from support.raw_rows import IND, ONE_SHOT, lines, row
from support.scratch import copy_project, list_jobs, snakemake

from ecslm.common.files import read_json

pytestmark = pytest.mark.slow

RUN = ("--cores", "2", "--configfile", "mine.yaml")
EXAMPLE = json.dumps({"input": '{"product 1": "a lamp"}', "options": None, "output": "yes"})


def study_of(server: LocalServer, **access: Any) -> dict[str, Any]:
    """A study with one model, 0-shot and 1-shot."""
    model = {
        "backend": "openai",
        "server": {"url": server.url, "model": "large-1"},
        "template": "alpaca",
        "access": {"key": VARIABLE, "concurrency": 2, "prices": PRICES, **access},
    }
    table = {"kind": "results", "label": "tab:a", "caption": "Scores", "columns": ["PM"]}
    return {
        "study": "mine",
        "tasks": {"PM": {"train": False}},
        "studies": {
            "mine": {
                "title": "My shop",
                "device": "cpu",
                "published_comparable": False,
                "data": {"source": "path", "path": "rows.jsonl"},
                "tasks": ["PM"],
                "train_setting": IND,
                "settings": [IND, ONE_SHOT],
                "scoring": {"resamples": 50},
                "models": {"Large": model, "Large-1shot": model | {"shots": 1}},
                "baselines": ["always-yes"],
                "tables": {
                    "ind": {
                        **table,
                        "setting": IND,
                        "rows": [
                            {"group": "Trivial", "baselines": ["always-yes"]},
                            {"group": "Served", "models": ["Large", "Large-1shot"]},
                        ],
                    }
                },
            }
        },
    }


@pytest.fixture
def server() -> Iterator[LocalServer]:
    """Says yes to every other product; the first request is refused for a while."""
    told = in_turn(
        failure(429, f"slow down, {KEY}"),
        lambda body: completion(body, "yes" if len(prompt_of(body)) % 2 else "no"),
    )
    with local_server(told) as running:
        yield running


def test_a_served_model_is_a_row_and_a_second_run_asks_and_pays_nothing(
    server: LocalServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = copy_project(tmp_path / "project")
    rows = [
        row("Product_Matching", "test", 10**number, setting=setting, few_shot_example=example)
        for setting, example in ((IND, None), (ONE_SHOT, EXAMPLE))
        for number in range(6)
    ]
    (project / "rows.jsonl").write_text(lines(rows), encoding="utf-8")

    def configure(**access: Any) -> None:
        text = yaml.safe_dump(study_of(server, **access))
        (project / "mine.yaml").write_text(text, encoding="utf-8")

    configure()
    results = project / "results/mine"
    monkeypatch.delenv(VARIABLE, raising=False)
    refused = snakemake(project, *RUN)
    assert refused.returncode == 1
    line = (
        f"error: the environment variable {VARIABLE} is not set, but needed to ask Large, Large-1"
    )
    assert line in refused.stdout + refused.stderr
    assert not (results / "dataset").exists()

    monkeypatch.setenv(VARIABLE, KEY)
    first = snakemake(project, *RUN)
    assert first.returncode == 0, first.stdout + first.stderr
    assert len(set(server.prompts())) == 12
    assert len(server.received) == 13
    table = (results / "tables/ind.tex").read_text(encoding="utf-8")
    assert "Large-1shot" in table
    told = read_json(results / "predictions/Large/seed-0/PM.cost.json")
    assert (told["requests"], told["currency"]) == (6, "USD")
    assert told["price"] > 0

    # How the server is reached reruns nothing.
    configure(budget=100.0, timeout=5.0)
    assert [one.rule for one in list_jobs(project, *RUN)] == []

    # Even the same model under the settings of another prompt asks only what is new.
    server.received.clear()
    for path in (project / "results/cache/finished", results / "predictions"):
        _remove(path)
    second = snakemake(project, *RUN)
    assert second.returncode == 0, second.stdout + second.stderr
    assert server.received == []
    told = read_json(results / "predictions/Large/seed-0/PM.cost.json")
    assert (told["requests"], told["answers_from_cache"], told["paid"]) == (0, 6, 0)
    assert (results / "tables/ind.tex").read_text(encoding="utf-8") == table

    printed = first.stdout + first.stderr + second.stdout + second.stderr
    assert KEY not in printed
    files = [path for path in project.rglob("*") if path.is_file()]
    assert len(files) > 100
    assert not [path for path in files if KEY.encode() in path.read_bytes()]


def _remove(folder: Path) -> None:
    for path in sorted(folder.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
