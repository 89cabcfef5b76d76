"""The documented study with a row of each kind, on a tiny model: from configuration to tables."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from support.local_server import LocalServer, completion, local_server, prompt_of
from support.project import ROOT
from support.scratch import copy_project, snakemake
from support.small_rows import write_small_rows
from support.tiny import write_tiny_model

from ecslm.common.files import read_json, read_jsonl, write_json
from ecslm.plan.plan import Plan
from ecslm.plan.tables import check_tables
from ecslm.schemas.prediction import Prediction

EXAMPLE = ROOT / "examples/backends.yaml"
RESULTS = Path("results/backends")
ROWS = ("EC", "served", "recorded", "constrained", "likelihood")
TASKS = ("PM", "QPR")
# Rows whose answers are limited, and the tasks that allow it.
LIMITED = {("constrained", "PM"), ("constrained", "QPR"), ("likelihood", "PM")}


@pytest.mark.parametrize("study", ["untuned", "backends"])
def test_the_example_is_valid_and_its_tables_find_what_they_name(
    study: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    made = Plan.read([EXAMPLE], study)
    check_tables(made.study)
    assert len(list(made.study.runs())) == {"untuned": 3, "backends": 18}[study]


def scaled_down(server: LocalServer) -> dict[str, Any]:
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
    study["models"]["SmolLM2-135M-served"]["server"]["url"] = server.url
    study["models"]["SmolLM2-135M-recorded"]["path"] = "answers"
    study["models"]["SmolLM2-135M-likelihood"]["adapter_of"] = "SmolLM2-135M-EC"
    return example


@pytest.mark.slow
def test_a_row_of_each_kind_and_a_second_run_that_asks_and_pays_nothing(tmp_path: Path) -> None:
    project = copy_project(tmp_path)
    write_tiny_model(project / "weights")
    write_small_rows(project / "rows.jsonl", train=4, val=2, test_ind=4)
    for task, answers in (("PM", ["yes", "no", "no idea", "yes"]), ("QPR", ["A,B"] * 4)):
        write_json(project / f"answers/{task}/IND_Diverse_Instruction.json", answers)
    run = ("--cores", "2", "--configfile", "example.yaml")
    with local_server(
        lambda body: completion(body, "yes" if len(prompt_of(body)) % 2 else "no")
    ) as server:
        text = yaml.safe_dump(scaled_down(server))
        (project / "example.yaml").write_text(text, encoding="utf-8")
        first = snakemake(project, *run)
        assert first.returncode == 0, first.stdout + first.stderr
        assert len(server.received) == 8
        second = snakemake(project, *run)
    # The third finds no server.
    third = snakemake(project, *run)
    for again in (second, third):
        assert again.returncode == 0, again.stdout + again.stderr
        assert "Nothing to be done" in again.stdout + again.stderr
    assert len(server.received) == 8
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
    costs = [
        read_json(found / f"predictions/SmolLM2-135M-served/seed-0/{task}.cost.json")
        for task in TASKS
    ]
    assert all(cost["price"] == cost["paid"] > 0 for cost in costs)
    (account,) = project.glob("results/cache/api/*/spent.json")
    assert read_json(account)["spent"] == pytest.approx(sum(cost["price"] for cost in costs))
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
