"""A model that does not fit into a GPU is told before a run, with what makes it fit."""

from dataclasses import replace
from typing import Any

import pytest
from support.planned_runs import GPU, driver, lines, planned_run

from ecslm.preflight import planned_run as planned
from ecslm.preflight.findings import Finding
from ecslm.preflight.gpu_memory import check_memory
from ecslm.preflight.profiles import Profile

GB = 10**9
# A base of three billion parameters, and prompts of up to 64,000 tokens at a time.
STUDY: dict[str, Any] = {
    "device": "cuda",
    "precision": {"quantization": "nf4", "dtype": "bfloat16"},
    "architectures": {"Small": "Llama-3.2-3B"},
    "batch_tokens": 64000,
    "training": {"batch_tokens": 16000},
    "decoding": {"max_length": 4000},
}
MODEL = "studies.shop.models.Small-EC"


def found(
    memory: float | None, monkeypatch: pytest.MonkeyPatch, free: float = 10**6, **changes: Any
) -> list[Finding]:
    """The findings on a GPU of so many GB, of which so many are free."""
    gpu = (
        None
        if memory is None
        else replace(GPU, memory=round(memory * GB), free=round(min(free, memory) * GB))
    )
    monkeypatch.setattr(planned, "read_driver", lambda: gpu and driver(gpu))
    return list(check_memory(planned_run(Profile("gpu", gpus=1), **(STUDY | changes))))


def told(memory: float | None, monkeypatch: pytest.MonkeyPatch, **changes: Any) -> list[str]:
    return lines(found(memory, monkeypatch, **changes))


def test_what_fits_is_one_line_with_what_each_model_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    (only,) = found(1000, monkeypatch)
    assert only.severity == "ok"
    assert set(only.values) == {"training Small-EC", "predictions Small-EC"}
    needs = {name: f"{need / GB:.0f} GB" for name, need in only.values.items()}
    assert only.what == (
        "at most about this is needed, with `batch_tokens` as configured: training of Small-EC: "
        f"{needs['training Small-EC']}; predictions of Small-EC: {needs['predictions Small-EC']}"
    )


def test_a_training_that_halves_its_batches_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    (line,) = told(80, monkeypatch)
    assert line.startswith(
        "warning: studies.shop: batch_tokens of trainings: will be halved where they do not fit "
        "into 80 GB, to about: Small-EC ("
    )
    assert not told(80, monkeypatch, training={"batch_tokens": "auto"})


def test_a_deterministic_training_that_does_not_fit_is_an_error_with_the_number_to_set(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings = {"batch_tokens": 16000, "deterministic": True}
    (line,) = told(80, monkeypatch, training=settings)
    assert line.startswith(f"error: {MODEL}.training: `batch_tokens: 16000` takes about ")
    number = int(line.rpartition("set `batch_tokens: ")[2].rstrip("`"))
    assert not told(80, monkeypatch, training=settings | {"batch_tokens": number})


def test_a_record_that_does_not_fit_alone_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    line = next(one for one in told(4, monkeypatch) if "longest record" in one)
    assert line == (
        f"error: {MODEL}.training: its longest record alone takes more than the 4.0 GB of a GPU: "
        "lower `max_length`, set `gradient_checkpointing: true`, or use larger GPUs"
    )


def test_predictions_that_stop_are_an_error_and_those_that_halve_a_warning(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    automatic = {"training": {"batch_tokens": "auto"}}
    (line,) = told(12, monkeypatch, **automatic)
    start = (
        "error: studies.shop.batch_tokens: with 64000, predictions of Small-EC take more than the "
        "12 GB of a GPU, and stop: set `oom: halve` in `decoding`, or lower it to "
    )
    assert line.startswith(start)
    number = int(line.removeprefix(start))
    assert not told(12, monkeypatch, **automatic, batch_tokens=number)
    halving = {"decoding": {"max_length": 4000, "oom": "halve"}}
    assert told(12, monkeypatch, **automatic, **halving) == [
        "warning: studies.shop.batch_tokens: with 64000, batches of Small-EC will be halved: lower "
        f"it to {number}, so that no batch is tried in vain"
    ]


@pytest.mark.parametrize("fused", [True, False])
def test_a_model_that_does_not_fit_with_its_longest_prompt_is_an_error(
    fused: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    (line,) = beyond_prompts(2, monkeypatch, fused=fused)
    assert line == (
        f"error: {MODEL}: with its longest prompt alone it takes more than the 2.0 GB of a GPU: "
        "use larger GPUs"
    )


def test_not_to_unpack_a_base_is_proposed_only_with_batches_that_then_fit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (line,) = beyond_prompts(6, monkeypatch, fused=True)
    start = "use larger GPUs, or set `decoding: {fused: false}` and `batch_tokens: "
    number = int(line.partition(start)[2].rstrip("`"))
    assert not beyond_prompts(6, monkeypatch, fused=False, batch_tokens=number)


def beyond_prompts(
    memory: float, monkeypatch: pytest.MonkeyPatch, fused: bool, **changes: Any
) -> list[str]:
    """What is told of predictions alone."""
    settings = {"decoding": {"max_length": 4000, "fused": fused}, **changes}
    return [one for one in told(memory, monkeypatch, **settings) if "training" not in one]


def test_memory_that_other_programs_use_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    assert told(1000, monkeypatch, free=3) == [
        "warning: NVIDIA Z100, number 0: 997 GB of 1000 GB are used by other programs: end them "
        "before the run: `nvidia-smi` lists them"
    ]


def test_without_a_gpu_the_needs_are_told_and_compared_with_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (only,) = found(None, monkeypatch)
    assert only.severity == "ok"
    assert only.values


def test_of_models_of_unknown_size_and_on_a_cpu_nothing_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert not found(1, monkeypatch, architectures={})
    assert not found(1, monkeypatch, device="cpu", training={})
