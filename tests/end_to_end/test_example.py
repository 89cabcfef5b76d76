"""The documented study with a row of each kind, on a tiny model: from configuration to tables."""

import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.local_server import (
    KEY,
    VARIABLE,
    LocalServer,
    completion,
    failure,
    in_turn,
    local_server,
    prompt_of,
)
from support.project import ROOT
from support.scratch import copy_project, list_jobs, snakemake
from support.small_rows import write_small_rows
from support.tiny import write_tiny_model

from ecslm.common.files import read_json, read_jsonl, write_json
from ecslm.plan.study import Study
from ecslm.plan.tables import check_tables
from ecslm.schemas.prediction import Prediction

EXAMPLE = ROOT / "examples/backends.yaml"
RESULTS = Path("results/backends")
ROWS = ("EC", "served", "recorded", "constrained", "likelihood")
TASKS = ("PM", "QPR")
# Rows whose answers are limited, and the tasks that allow it.
LIMITED = {("constrained", "PM"), ("constrained", "QPR"), ("likelihood", "PM")}
RUN = ("--cores", "2", "--configfile", "example.yaml")


@pytest.mark.parametrize("study", ["untuned", "backends"])
def test_the_example_is_valid_and_its_tables_find_what_they_name(
    study: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    made = Study.read([EXAMPLE], study)
    check_tables(made)
    assert len(list(made.runs())) == {"untuned": 3, "backends": 18}[study]


def scaled_down(server: LocalServer, **access: Any) -> dict[str, Any]:
    """The example with few records of two tasks and a tiny model, which answers the likeliest of
    the options with an adapter. Lists and sections that YAML shares stay shared."""
    example: dict[str, Any] = yaml.safe_load(EXAMPLE.read_text(encoding="utf-8"))
    example["bases"] = {"Tiny": {"source": "path", "path": "weights"}}
    study = example["studies"]["backends"]
    study["tasks"][:] = TASKS
    study["data"] |= {"path": "rows.jsonl"}
    study["precision"]["dtype"] = "float32"
    for section in (study["decoding"], study["training"]):
        section["max_length"] = 2000
    study["scoring"] = {"resamples": 50}
    for model in study["models"].values():
        if "base" in model:
            model["base"] = "Tiny"
    served = study["models"]["SmolLM2-135M-served"]
    served["server"]["url"] = server.url
    served["access"] |= {"key": VARIABLE, **access}
    study["models"]["SmolLM2-135M-recorded"]["path"] = "answers"
    study["models"]["SmolLM2-135M-likelihood"]["adapter_of"] = "SmolLM2-135M-EC"
    return example


def configure(project: Path, server: LocalServer, **access: Any) -> None:
    text = yaml.safe_dump(scaled_down(server, **access))
    (project / "example.yaml").write_text(text, encoding="utf-8")


def costs(project: Path) -> list[dict[str, Any]]:
    """Of the served row, by task."""
    folder = project / RESULTS / "predictions/SmolLM2-135M-served/seed-0"
    return [read_json(folder / f"{task}.cost.json") for task in TASKS]


@pytest.mark.slow
def test_a_row_of_each_kind_and_a_second_run_that_asks_and_pays_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = copy_project(tmp_path)
    found = project / RESULTS
    write_tiny_model(project / "weights")
    write_small_rows(project / "rows.jsonl", train=4, val=2, test_ind=4)
    for task, answers in (("PM", ["yes", "no", "no idea", "yes"]), ("QPR", ["A,B"] * 4)):
        write_json(project / f"answers/{task}/IND_Diverse_Instruction.json", answers)
    told = in_turn(
        failure(429, f"slow down, {KEY}"),
        lambda body: completion(body, "yes" if len(prompt_of(body)) % 2 else "no"),
    )
    with local_server(told) as server:
        configure(project, server)
        monkeypatch.delenv(VARIABLE, raising=False)
        refused = snakemake(project, *RUN)
        assert refused.returncode == 1
        line = f"error: the environment variable {VARIABLE} is not set, but needed to ask SmolLM2"
        assert line in refused.stdout + refused.stderr
        assert not (found / "dataset").exists()

        monkeypatch.setenv(VARIABLE, KEY)
        first = snakemake(project, *RUN)
        assert first.returncode == 0, first.stdout + first.stderr
        assert len(set(server.prompts())) == 8
        assert len(server.received) == 9
        check_rows(project)
        assert all(cost["price"] == cost["paid"] > 0 for cost in costs(project))
        (account,) = project.glob("results/cache/api/*/spent.json")
        spent = sum(cost["price"] for cost in costs(project))
        assert read_json(account)["spent"] == pytest.approx(spent)
        table = (found / "tables/scores.tex").read_text(encoding="utf-8")

        # How the server is reached reruns nothing.
        configure(project, server, budget=100.0, timeout=5.0)
        assert [job.rule for job in list_jobs(project, *RUN)] == []

        # Answers that were paid for are not asked for again.
        server.received.clear()
        for path in (project / "results/cache/finished", found / "predictions/SmolLM2-135M-served"):
            shutil.rmtree(path)
        second = snakemake(project, *RUN)
        assert second.returncode == 0, second.stdout + second.stderr
        assert server.received == []
    for cost in costs(project):
        assert (cost["requests"], cost["answers_from_cache"], cost["paid"]) == (0, 4, 0)
    assert (found / "tables/scores.tex").read_text(encoding="utf-8") == table
    # It finds no server.
    third = snakemake(project, *RUN)
    assert "Nothing to be done" in third.stdout + third.stderr

    runs = (refused, first, second, third)
    assert not [run for run in runs if KEY in run.stdout + run.stderr]
    files = [path for path in project.rglob("*") if path.is_file()]
    assert not [path for path in files if KEY.encode() in path.read_bytes()]


def check_rows(project: Path) -> None:
    """Each row has its predictions and its cells; limited ones have no invalid answer."""
    found = project / RESULTS
    cells = {
        row["name"]: row["cells"][0]
        for panel in read_json(found / "tables/scores.json")["panels"]
        for group in panel["groups"]
        for row in group["rows"]
    }
    assert {f"SmolLM2-135M-{row}" for row in ROWS} <= cells.keys()
    assert all(cell["value"] is not None for cell in cells.values())
    for row in ROWS:
        path = found / f"predictions/SmolLM2-135M-{row}/seed-0/PM.jsonl"
        assert len(read_jsonl(path, Prediction)) == 4
    assert not (found / "adapters/SmolLM2-135M-likelihood").exists()
    invalid = {
        (row, task): read_json(path)["settings"]["IND_Diverse_Instruction"]["n_invalid"]
        for row in ("constrained", "likelihood")
        for task in TASKS
        if (path := found / f"metrics/SmolLM2-135M-{row}/seed-0/{task}.json").exists()
    }
    assert invalid == dict.fromkeys(LIMITED, 0)
    note = "SmolLM2-135M-constrained: constrained to valid answers; by construction no answer is"
    assert note in (found / "tables/validity.tex").read_text(encoding="utf-8")
