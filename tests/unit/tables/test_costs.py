"""Costs: sums of what is known, prices, and the table that shows them."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import table_files as files

from ecslm.common.files import write_json
from ecslm.tables.kind import TableRequest
from ecslm.tables.model import MISSING, Cell, Table, amount_text

GPU = "NVIDIA Z100"
TRAINED = {"device": GPU, "seconds": 7200, "peak_memory_bytes": 3e9, "energy_joules": 3.6e6}
# 100 requests in 10 s, of 40,000 tokens.
ANSWERED = {
    **{"device": GPU, "seconds": 10, "prompts": 100, "peak_memory_bytes": 2e9},
    **{"prompt_tokens": 30_000, "generated_tokens": 10_000},
}
PRICES = {"input": 10, "output": 30, "currency": "USD", "as_of": "2024-04-09"}
HARDWARE = {
    **{"name": "a Z100", "price": 3.6, "currency": "USD"},
    **{"as_of": "2026-01-02", "source": "a list"},
}
LOCAL = {"local": True, "tasks": ["PM"]}
MODELS = {
    "Small": LOCAL,
    "Small-EC": LOCAL | {"adapter_of": "Small-EC", "parameters": [1_000, 200]},
    "Served": {"tasks": ["PM"], "prices": PRICES},
    "Words": LOCAL | {"learned": True, "tasks": ["PM", "SA"]},
    "Idle": {"local": True},
}
API = PRICES | {"source": "a page"}
ENTRY = {
    **{"kind": "cost", "models": ["Small", "Small-EC"], "latency": ["Small-EC"]},
    **{"hardware": HARDWARE, "apis": {"An API": API}, "tokens_of": "Small-EC"},
}


def asked(study: dict[str, Any] | None = None, **changes: Any) -> TableRequest:
    return files.request(ENTRY | changes, models=MODELS | (study or {}))


def write(results: Path, model: str, task: str = "PM", **changes: Any) -> None:
    """What a model's answers took."""
    path = results / f"predictions/{model}/seed-0/{task}.cost.json"
    write_json(path, ANSWERED | changes)


def train(results: Path, seed: int = 0, **changes: Any) -> None:
    write_json(results / f"adapters/Small-EC/seed-{seed}/cost.json", TRAINED | changes)


@pytest.fixture
def results(tmp_path: Path) -> Path:
    for name in ("Small", "Small-EC"):
        write(tmp_path, name)
    write(tmp_path, "Served", device="a server", seconds=0.001, peak_memory_bytes=None)
    unknown = dict.fromkeys(("prompt_tokens", "generated_tokens"))
    learned = unknown | {"seconds": 0.01, "device": "a CPU"}
    for task, seconds in (("PM", 1), ("SA", 2)):
        write(tmp_path, "Words", task, load_seconds=seconds, **learned)
    train(tmp_path)
    timed = {"device": GPU, "load_seconds": 1, "seconds": 0.2, "peak_memory_bytes": 1}
    answer = {"task": "PM", "id": "0", "seconds": 0.1, "prompt_tokens": 1, "generated_tokens": 1}
    quantiles = {"p50_seconds": 0.2, "p95_seconds": 0.5}
    write_json(tmp_path / "latency/Small-EC.json", {**timed, **quantiles, "answers": [answer] * 2})
    return tmp_path


def made(results: Path, study: dict[str, Any] | None = None, **changes: Any) -> Table:
    return files.built(asked(study, **changes), results)


def values(table: Table, name: str) -> dict[str, Any]:
    """What is known of a model, by the keys of columns, up to rounding."""
    found = {key: cell.value for key, cell in files.cells(table)[name].items()}
    return {key: pytest.approx(value) for key, value in found.items() if value is not None}


@given(st.floats(1e-9, 1e9))
def test_an_amount_is_shown_with_three_digits_and_without_an_exponent(value: float) -> None:
    shown = amount_text(value)
    assert set(shown) <= set("0123456789.")
    assert float(shown) == pytest.approx(value, rel=0.005 if value < 100 else 0.5 / value)


def test_a_table_has_what_was_measured_and_what_follows_from_prices(results: Path) -> None:
    table = made(results)
    answers = {"memory": 2, "tokens per second": 4000, "price": 0.1}
    training = {"device-hours": 2, "energy": 1, "price": 7.2, "memory": 3}
    assert values(table, "Small") == answers
    assert values(table, "Small-EC") == {
        **answers,
        **{f"training {key}": value for key, value in training.items()},
        **{"latency p50": 0.2, "latency p95": 0.5},
        "trainable": 200,
    }
    assert values(table, "An API") == {"price": 6.0}
    tuned, api = (files.cells(table)[name] for name in ("Small-EC", "An API"))
    assert tuned["price"].sources == ("predictions/Small-EC/seed-0/PM.cost.json",)
    assert tuned["latency p95"].sources == ("latency/Small-EC.json",)
    assert api["price"].marks == ("estimated",)
    notes = " ".join(table.notes)
    assert "USD 3.60 on 2026-01-02 (a list)" in notes
    assert "USD 10 and 30 per million tokens of prompts and answers on 2024-04-09 (a page)" in notes
    assert "2 test prompts" in notes
    assert f"Measured on: {GPU}." in notes


def test_what_is_not_known_of_one_task_gives_no_number_of_all_and_never_zero(results: Path) -> None:
    write(results, "Small-EC", prompt_tokens=None)
    for missing, known in (
        ("seconds", {"memory": 2}),
        ("prompts", {"memory": 2, "tokens per second": 4000}),
        ("generated_tokens", {"memory": 2, "price": 0.1}),
        ("peak_memory_bytes", {"price": 0.1, "tokens per second": 4000}),
    ):
        write(results, "Small", "SA", **{missing: None})
        table = made(results, {"Small": LOCAL | {"tasks": ["PM", "SA"]}})
        assert values(table, "Small") == known
        untuned = files.cells(table)["Small"]
        assert untuned["training price"] == untuned["trainable"] == untuned["latency p50"] == Cell()
        assert files.cells(table)["An API"]["price"].shown == MISSING


def test_training_counts_the_hours_of_all_devices_and_is_a_mean_over_seeds(results: Path) -> None:
    train(results, seed=0, devices=4, peak_memory_bytes=5e9)
    train(results, seed=1, energy_joules=None)
    models = {"Small-EC": LOCAL | {"seeds": [0, 1], "adapter_of": "Small-EC"}}
    write_json(results / "predictions/Small-EC/seed-1/PM.cost.json", ANSWERED)
    found = values(made(results, models), "Small-EC")
    assert (found["training device-hours"], found["training memory"]) == (5.0, 5)
    assert "training energy" not in found


def test_a_model_of_a_server_costs_what_its_tokens_do_and_tells_no_speed(results: Path) -> None:
    write(results, "Free", peak_memory_bytes=None)
    table = made(results, {"Free": {"tasks": ["PM"]}}, models=["Served", "Free"], tokens_of=None)
    # Answers that were kept come at once. The list prices are of its tokens too.
    found = {name: values(table, name) for name in ("Served", "Free", "An API")}
    assert found == {"Served": {"price": 6.0}, "Free": {}, "An API": {"price": 6.0}}


def test_a_learned_baseline_costs_what_learning_and_answering_took(results: Path) -> None:
    table = made(results, models=["Small-EC", "Words"])
    assert values(table, "Words") == {
        **{"training device-hours": 3 / 3600, "training price": 3 / 3600 * 3.6, "memory": 2},
        "price": 1000 * 0.0001 / 3600 * 3.6,
    }


def test_a_model_that_is_not_run_has_no_row(results: Path) -> None:
    table = made(results, models=["Small-EC", "Idle"])
    assert [row.name for row in table.panels[0].groups[0].rows] == ["Small-EC"]
    assert "Not run, and therefore without a row: Idle." in table.notes


def test_latency_of_weights_elsewhere_and_several_currencies_are_problems(tmp_path: Path) -> None:
    euros = MODELS["Served"] | {"prices": PRICES | {"currency": "EUR"}}
    wanted = asked({"Served": euros}, models=["Small-EC", "Served"], latency=["Served"])
    assert files.problems(wanted, tmp_path) == [
        "latency: Served: its weights do not run here, so that nothing can be measured",
        "prices are in EUR, USD: give all in one currency",
    ]
