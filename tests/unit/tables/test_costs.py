"""Costs: sums of what is known, prices, the break-even, and the table that shows them."""

import math
from pathlib import Path
from typing import Any

import pytest
from ecslm.tables.sources import Sources
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import ValidationError
from support.project import ROOT
from support.table_files import request

from ecslm.common.files import write_json
from ecslm.schemas.cost import LatencyFile, TimedAnswer
from ecslm.schemas.prices import Prices
from ecslm.tables.costs import CostedModel, break_even, total
from ecslm.tables.kind import TableRequest
from ecslm.tables.kinds.cost import NEVER, build, files, problems
from ecslm.tables.model import MISSING, Cell, Table, amount_text
from ecslm.tables.settings import ModelContext

GPU = "NVIDIA Z100"
TRAINED = {"device": GPU, "seconds": 7200, "peak_memory_bytes": 3e9, "energy_joules": 3.6e6}
# 100 requests in 10 s, of 40,000 tokens.
ANSWERED = {
    "device": GPU,
    "seconds": 10,
    "prompts": 100,
    "prompt_tokens": 30_000,
    "generated_tokens": 10_000,
    "peak_memory_bytes": 2e9,
}
PRICES = {"input": 10, "output": 30, "currency": "USD", "as_of": "2024-04-09"}
HARDWARE = {
    "name": "a Z100",
    "price": 3.6,
    "currency": "USD",
    "as_of": "2026-01-02",
    "source": "a list",
}
ADAPTER = {"architecture": "SmolLM2-135M", "rank": 4, "target_modules": ["q_proj"]}
TUNED = {"local": True, "seeds": [0], "tasks": ["PM"], "adapter_of": "Small-EC", "adapter": ADAPTER}
UNTUNED = {"local": True, "seeds": [0], "tasks": ["PM"]}
SERVED = {"local": False, "seeds": [0], "tasks": ["PM"], "prices": PRICES}

amounts = st.floats(0, 1e6)
requests = st.floats(1e-9, 1e3)


@given(amounts, requests, requests)
def test_the_break_even_is_the_first_number_of_requests_that_pays_for_training(
    training: float, own: float, other: float
) -> None:
    found = break_even(training, own, other)
    if other <= own:
        assert found is None
        return
    assume(found is not None)
    slack = 1e-9 * (training + found * other)
    assert training + found * own <= found * other + slack
    if found > 0:
        assert training + (found - 1) * own >= (found - 1) * other - slack


@given(st.lists(st.one_of(st.none(), st.floats(0, 1e9)), max_size=5))
def test_a_sum_is_known_only_if_all_of_its_parts_are(parts: list[float | None]) -> None:
    known = [part for part in parts if part is not None]
    expected = math.fsum(known) if known and len(known) == len(parts) else None
    assert total(parts) == expected


@given(st.floats(1e-9, 1e9))
def test_an_amount_is_shown_with_three_digits_and_without_an_exponent(value: float) -> None:
    shown = amount_text(value)
    assert set(shown) <= set("0123456789.")
    assert float(shown) == pytest.approx(value, rel=0.005 if value < 100 else 0.5 / value)


def costed(folder: Path, **context: Any) -> CostedModel:
    """Small-EC with its adapters and answers, on hardware for 1 an hour."""
    known = ModelContext.model_validate(context)
    return CostedModel.read(folder, "Small-EC", known, timed=False, hourly=1)


@pytest.mark.parametrize("missing", ["seconds", "prompts", "prompt_tokens", "generated_tokens"])
def test_what_is_not_known_of_one_task_gives_no_number_of_all(missing: str, tmp_path: Path) -> None:
    write_costs(tmp_path, "Small-EC", PM=ANSWERED, SA=ANSWERED | {missing: None})
    found = costed(tmp_path, **UNTUNED | {"tasks": ["PM", "SA"]})
    prices = Prices.model_validate(PRICES)
    of_time = pytest.approx(1000 * 20 / 200 / 3600)
    assert (found.price, found.answering.price_by_tokens(prices)) == {
        "seconds": (None, 6.0),
        "prompts": (None, None),
        "prompt_tokens": (of_time, None),
        "generated_tokens": (of_time, None),
    }[missing]


def test_training_counts_the_hours_of_all_devices_and_is_a_mean_over_seeds(tmp_path: Path) -> None:
    tuned = TUNED | {"seeds": [0, 1], "tasks": []}
    write_training(tmp_path, 0, devices=4, peak_memory_bytes=5e9)
    write_training(tmp_path, 1)
    found = costed(tmp_path, **tuned)
    assert (found.device_hours, found.kwh, found.training_memory) == (5.0, 1.0, 5e9)
    write_training(tmp_path, 1, energy_joules=None)
    assert costed(tmp_path, **tuned).kwh is None


def test_a_table_has_what_was_measured_and_what_follows_from_prices(tmp_path: Path) -> None:
    table = example(tmp_path)
    tuned = cells(table, "Small-EC")
    assert tuned["training device-hours"].value == 2
    assert tuned["training energy"].value == 1
    assert tuned["training price"].value == pytest.approx(7.2)
    assert tuned["training memory"].value == 3
    assert tuned["memory"].value == 2
    assert tuned["tokens per second"].value == 4000
    assert (tuned["latency p50"].value, tuned["latency p95"].value) == (0.2, 0.5)
    assert tuned["price"].value == pytest.approx(0.1)
    # 4 of 576 by 576 in each of 30 layers.
    assert tuned["trainable"].value == 30 * 4 * (576 + 576)
    assert tuned["price"].sources == ("predictions/Small-EC/seed-0/PM.cost.json",)
    assert tuned["latency p95"].sources == ("latency/Small-EC.json",)


def test_what_a_model_lacks_is_missing_and_never_zero(tmp_path: Path) -> None:
    untuned = cells(example(tmp_path), "Small")
    for name in ("trainable", "training device-hours", "training price", "training memory"):
        assert untuned[name] == Cell(sources=()), name
    assert untuned["latency p50"] == Cell()
    assert untuned["price"].value == pytest.approx(0.1)
    api = cells(example(tmp_path), "An API")
    assert {cell.shown for name, cell in api.items() if name != "price"} == {MISSING}


def test_an_api_that_never_ran_is_estimated_from_our_tokens_and_marked(tmp_path: Path) -> None:
    cell = cells(example(tmp_path), "An API")["price"]
    assert cell.value == pytest.approx(6.0)
    assert cell.marks == ("estimated",)
    assert cell.sources == ("predictions/Small-EC/seed-0/PM.cost.json",)
    unknown = example(tmp_path, answered=ANSWERED | {"prompt_tokens": None})
    assert cells(unknown, "An API")["price"].shown == MISSING


def test_a_model_of_a_server_costs_what_its_tokens_do(tmp_path: Path) -> None:
    write_costs(tmp_path, "Served", PM=ANSWERED | {"generated_tokens": 0, "device": "a server"})
    table = example(tmp_path, models=["Small-EC", "Served"], Served=SERVED)
    assert cells(table, "Served")["price"].value == pytest.approx(3.0)
    panel = table.panels[1]
    assert [column.text for column in panel.columns] == ["Served", "An API"]


def test_answers_that_a_server_gave_before_tell_no_speed(tmp_path: Path) -> None:
    kept = {"seconds": 0.001, "peak_memory_bytes": None, "device": "a server"}
    write_costs(tmp_path, "Served", PM=ANSWERED | kept)
    table = example(tmp_path, models=["Small-EC", "Served"], Served=SERVED)
    served = cells(table, "Served")
    assert served["tokens per second"].shown == MISSING
    assert served["price"].value == pytest.approx(6.0)


def test_a_learned_baseline_costs_what_learning_and_answering_took(tmp_path: Path) -> None:
    no_tokens = {"prompt_tokens": None, "generated_tokens": None, "device": "a CPU"}
    learned = ANSWERED | no_tokens | {"seconds": 0.01}
    write_costs(
        tmp_path, "Words", PM=learned | {"load_seconds": 1}, SA=learned | {"load_seconds": 2}
    )
    context = UNTUNED | {"tasks": ["PM", "SA"], "learned": True}
    table = example(tmp_path, models=["Small-EC", "Words"], Words=context)
    words = cells(table, "Words")
    assert words["training device-hours"].value == pytest.approx(3 / 3600)
    assert words["training price"].value == pytest.approx(3 / 3600 * 3.6)
    assert words["price"].value == pytest.approx(1000 * 0.0001 / 3600 * 3.6)
    for name in ("trainable", "training energy", "tokens per second"):
        assert words[name].shown == MISSING, name
    assert (
        "Learned baselines took 3.00 seconds to train, and 1,000 requests to them cost USD"
        in (table.summary[0])
    )


def test_the_break_even_is_of_tuned_models_with_prices(tmp_path: Path) -> None:
    panel = example(tmp_path).panels[1]
    (row,) = panel.groups[0].rows
    assert row.name == "Small-EC"
    # 7.2 for training; a request costs 0.0001 here and 0.006 there.
    assert row.cells[0].value == math.ceil(7.2 / (0.006 - 0.0001))
    assert row.cells[0].shown == "1,221"
    cheap = example(tmp_path, apis={"An API": PRICES | {"input": 0.001, "output": 0}})
    assert cheap.panels[1].groups[0].rows[0].cells[0].value == NEVER
    assert len(example(tmp_path, hardware=None).panels) == 1


def test_a_model_that_is_not_run_has_no_row_and_needs_no_files(tmp_path: Path) -> None:
    idle = UNTUNED | {"tasks": []}
    made = entry(models=["Small-EC", "Idle"], latency=["Small-EC"], Idle=idle)
    assert not [path for path in files(made) if "Idle" in path]
    table = example(tmp_path, models=["Small-EC", "Idle"], Idle=idle)
    assert [row.name for row in table.panels[0].groups[0].rows] == ["Small-EC"]
    assert "Not run, and therefore without a row: Idle." in table.notes


def test_the_files_of_a_table_are_those_with_clock_values_of_its_models() -> None:
    assert files(entry()) == [
        "predictions/Small/seed-0/PM.cost.json",
        "predictions/Small-EC/seed-0/PM.cost.json",
        "adapters/Small-EC/seed-0/cost.json",
        "latency/Small-EC.json",
    ]


def test_all_prices_have_a_day_and_a_source_in_the_notes(tmp_path: Path) -> None:
    notes = " ".join(example(tmp_path).notes)
    assert "USD 3.60 on 2026-01-02 (a list)" in notes
    assert "USD 10 and 30 per million tokens of prompts and answers on 2024-04-09 (a page)" in notes
    assert "2 test prompts" in notes
    assert GPU in notes


def test_the_summary_tells_training_requests_and_when_it_is_paid_for(tmp_path: Path) -> None:
    (text,) = example(tmp_path).summary
    assert text == (
        "Training Small-EC took 2.00 device-hours, USD 7.20. 1,000 requests cost USD 0.100 here, "
        "on a device that is never idle, and an estimated USD 6.00 by an API. By prices alone, "
        "without regard to the quality of the answers, training has paid off after 1,221 requests."
    )
    assert example(tmp_path, models=["Small"], latency=[], apis={}, hardware=None).summary == ()


def test_the_summary_tells_where_training_never_pays_off(tmp_path: Path) -> None:
    cheap = PRICES | {"input": 0.001, "output": 0}
    (text,) = example(tmp_path, apis={"An API": PRICES, "A cheap API": cheap}).summary
    assert text.endswith(
        "training has paid off after 1,221 requests, but never for 1 of 2 pairs of a model and an "
        "API, where the API costs less per request."
    )
    (text,) = example(tmp_path, apis={"A cheap API": cheap}).summary
    assert text.endswith("At these prices an API always costs less.")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"latency": ["Other"]}, "latency: Other is not in models"),
        ({"tokens_of": None}, "tokens_of: needed"),
        ({"hardware": HARDWARE | {"currency": "EUR"}}, "the currency of the others"),
        ({"hardware": {**HARDWARE, "source": None}}, "source"),
    ],
)
def test_an_entry_is_complete_and_of_one_currency(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        entry(**changes)


def test_latency_of_weights_elsewhere_and_other_currencies_are_problems() -> None:
    euros = SERVED | {"prices": PRICES | {"currency": "EUR"}}
    made = entry(models=["Small-EC", "Served"], latency=["Served"], Served=euros)
    assert list(problems(made, {})) == [
        "latency: Served: its weights do not run here, so that nothing can be measured",
        "models: Served: its prices are in EUR, others in USD",
    ]


# What a table is made of


def entry(**changes: Any) -> TableRequest[Any]:
    given = {
        "kind": "cost",
        "models": ["Small", "Small-EC"],
        "latency": ["Small-EC"],
        "hardware": HARDWARE,
        "apis": {"An API": PRICES},
        "tokens_of": "Small-EC",
    }
    costs = {"Small": UNTUNED, "Small-EC": TUNED}
    costs |= {name: changes.pop(name) for name in list(changes) if name[0].isupper()}
    given |= changes
    given["apis"] = {name: {"source": "a page"} | one for name, one in given["apis"].items()}
    return request(given, models=costs)


def example(
    folder: Path,
    answered: dict[str, Any] = ANSWERED,
    trained: dict[str, Any] = TRAINED,
    **changes: Any,
) -> Table:
    for name in ("Small", "Small-EC"):
        write_costs(folder, name, PM=answered)
    write_json(folder / "adapters/Small-EC/seed-0/cost.json", trained)
    answers = [
        TimedAnswer(task="PM", id=str(n), seconds=0.1, prompt_tokens=1, generated_tokens=1)
        for n in range(2)
    ]
    latency = LatencyFile(
        device=GPU,
        load_seconds=1,
        seconds=0.2,
        p50_seconds=0.2,
        p95_seconds=0.5,
        peak_memory_bytes=1,
        answers=answers,
    )
    write_json(folder / "latency/Small-EC.json", latency.model_dump())
    resources = {"architectures": ROOT / "resources/architectures.csv"}
    return build("cost", entry(**changes), Sources(folder, resources))


def cells(table: Table, name: str) -> dict[str, Cell]:
    panel = table.panels[0]
    (row,) = [row for group in panel.groups for row in group.rows if row.name == name]
    return {column.key: cell for column, cell in zip(panel.columns, row.cells, strict=True)}


def write_costs(folder: Path, model: str, **tasks: dict[str, Any]) -> None:
    for task, content in tasks.items():
        write_json(folder / f"predictions/{model}/seed-0/{task}.cost.json", content)


def write_training(folder: Path, seed: int, **changes: Any) -> None:
    write_json(folder / f"adapters/Small-EC/seed-{seed}/cost.json", TRAINED | changes)
