"""Memory and time of jobs, estimated from the size of a model: more never needs less."""

import ast
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.project import RESOURCES, ROOT

from ecslm.estimates import formulas
from ecslm.estimates.estimate import (
    DEVICES,
    LEAST_MINUTES,
    MIB,
    Device,
    Estimate,
    Records,
    read_devices,
)
from ecslm.estimates.formulas import estimate_bertscore, estimate_predictions, estimate_training
from ecslm.estimates.sizes import Sizes, sizes_of, sizes_of_row
from ecslm.families.settings import DecodingSettings
from ecslm.models.architecture import SIZES, Architecture, read_architectures
from ecslm.models.precision import Precision
from ecslm.training.settings import TrainingSettings

ROWS = read_architectures(RESOURCES / "architectures.csv")
DEVICE = read_devices(ROOT / DEVICES)
TARGETS = TrainingSettings().target_modules
SHAPE = {
    **{"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "vocab_size": 512},
    **{"num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 16},
}
WORK = Records(200, 150, 300, 10, 20)

a_device = st.sampled_from(sorted(DEVICE)).map(DEVICE.__getitem__)
a_precision = st.builds(
    Precision,
    quantization=st.sampled_from(["nf4", "none"]),
    dtype=st.sampled_from(["float32", "bfloat16"]),
)


def sizes(**changes: int | str) -> Sizes:
    row = {name: str(value) for name, value in (SHAPE | changes).items()}
    return sizes_of_row({"tie_word_embeddings": "true", **row})


def training(
    device: Device,
    precision: Precision | None = None,
    of: Sizes | None = None,
    work: Records = WORK,
    **settings: Any,
) -> Estimate:
    chosen = TrainingSettings(**settings)
    return estimate_training(of or sizes(), precision or Precision(), chosen, [work], 3000, device)


def predicting(
    device: Device, precision: Precision, of: Sizes, fused: bool = True, batch_tokens: int = 4000
) -> Estimate:
    decoding, trained = DecodingSettings(fused=fused), sum(of.updates(16, TARGETS))
    return estimate_predictions(of, precision, decoding, batch_tokens, WORK, trained, device)


@given(
    size=st.sampled_from([name for name in SIZES if name != "num_key_value_heads"]),
    factor=st.integers(1, 4),
    precision=a_precision,
    device=a_device,
    fused=st.booleans(),
)
def test_a_larger_model_never_needs_less(
    size: str, factor: int, precision: Precision, device: Device, fused: bool
) -> None:
    larger = sizes(**{size: SHAPE[size] * factor})
    for needs in (training, predicting):
        less, more = (
            needs(device, precision, of, fused=fused)  # type: ignore[operator]
            for of in (sizes(), larger)
        )
        assert more.device_bytes >= less.device_bytes and more.host >= less.host
        assert more.seconds >= less.seconds


@pytest.mark.parametrize("settings", [{"dropout": 0.1}, {"dropout": 0.0}, {"fused": True}])
def test_recomputed_activations_need_less_memory_and_more_time(settings: dict[str, Any]) -> None:
    for device in DEVICE.values():
        kept = training(device, **settings)
        recomputed = training(device, gradient_checkpointing=True, **settings)
        assert recomputed.device_bytes <= kept.device_bytes
        assert recomputed.seconds >= kept.seconds


@given(
    device=a_device.filter(lambda device: device.kind == "cuda"), budget=st.integers(400, 600_000)
)
def test_a_batch_that_fits_is_at_most_the_configured_one(device: Device, budget: int) -> None:
    model = sizes_of_row(ROWS["Llama-3.2-3B"])
    found = predicting(device, Precision(), model, batch_tokens=budget)
    assert found.budget is not None and found.budget <= budget
    fitting = predicting(device, Precision(), model, batch_tokens=found.budget)
    assert fitting.device_bytes <= device.memory
    # Those that do not fit are not computed.
    assert found.seconds == fitting.seconds
    assert found.device_bytes >= fitting.device_bytes


def test_a_record_that_does_not_fit_a_gpu_has_its_activations_computed_again() -> None:
    """And what fits is found as by a training with `batch_tokens: auto`, by copies of it."""
    device, model = DEVICE["NVIDIA A10G"], sizes_of_row(ROWS["Llama-3.2-3B"])
    for longest, again in ((1500, False), (3900, True)):
        work = Records(200, 1000, longest, 10, 100)
        how: dict[str, Any] = {"of": model, "work": work, "batch_tokens": "auto"}
        found = training(device, **how)
        expected = training(device, gradient_checkpointing=True, **how)
        assert (found == expected) == again
        assert found.budget and found.budget % work.longest == 0
        how |= {"gradient_checkpointing": again, "batch_tokens": found.budget}
        assert training(device, **how).device_bytes <= device.memory
        more = training(device, **how | {"batch_tokens": 2 * found.budget})
        assert more.device_bytes > device.memory


def test_float32_on_a_gpu_is_estimated_without_tensor_cores() -> None:
    device = DEVICE["NVIDIA A100 SXM 80 GB"]
    assert (device.rate("bfloat16"), device.rate("float32")) == (312e12, 19.5e12)
    slow, fast = (training(device, Precision(dtype=x)).seconds for x in ("float32", "bfloat16"))
    assert slow > fast


def test_bertscores_are_computed_in_float64_on_a_cpu_and_in_float32_on_a_gpu() -> None:
    for device in DEVICE.values():
        rate, size = ("float64", 8) if device.kind == "cpu" else ("float32", 4)
        few, many = (estimate_bertscore(10**8, texts, 50, device) for texts in (0, 1000))
        assert few.device["encoder"] == size * 10**8
        computed = 1000 * 50 * 2 * formulas.COMPUTED * 10**8
        reached = computed / (many.seconds - few.seconds)
        assert reached == pytest.approx(formulas.ENCODING * device.rate(rate))


def test_a_fused_training_in_float32_reaches_what_was_measured() -> None:
    """SmolLM2-135M on two cores: 224 tokens a second; with AMX bfloat16 is faster."""
    work = Records(1000, 97, 200, 2, 3)
    of, settings = sizes_of_row(ROWS["SmolLM2-135M"]), {"fused": True, "epochs": 1, "dropout": 0.0}
    float32, amx = (
        training(DEVICE[f"two CPU cores with {x}"], of=of, work=work, **settings).seconds
        for x in ("float32 alone", "AMX")
    )
    assert 150 < 1000 * 99 / float32 < 300
    assert amx < float32


@pytest.mark.parametrize(
    ("module", "name", "own"),
    [
        ("families/transformers/prefill.py", "CHUNK", formulas.CHUNK),
        ("families/transformers/answers/likelihood.py", "LOGITS", formulas.SCORED),
        ("training/fused.py", "BLOCK", formulas.BLOCK),
    ],
)
def test_sizes_of_batches_are_those_of_the_modules_that_compute_which_load_torch(
    module: str, name: str, own: object
) -> None:
    text = (ROOT / "scripts/ecslm" / module).read_text(encoding="utf-8")
    (value,) = re.findall(rf"^{name} = (.+)$", text, re.MULTILINE)
    assert ast.literal_eval(value) == own


@given(bytes_=st.floats(1, 1e12), seconds=st.floats(1, 1e6))
def test_a_request_is_above_its_estimate_and_the_start(bytes_: float, seconds: float) -> None:
    memory, minutes = Estimate({}, round(bytes_), seconds).request
    assert memory * MIB >= round(bytes_)
    assert minutes * 60 >= seconds
    assert minutes >= LEAST_MINUTES


def test_models_of_which_a_layer_is_not_known_have_no_sizes() -> None:
    head = {"lm_head": (9, 8)}
    for layers, depth in (({}, 2), (head | {"proj": None}, 2), (head, None)):
        assert sizes_of(Architecture(layers, depth, None)) is None
    known = sizes_of(Architecture({"lm_head": (9, 8), "up": (16, 8)}, 1, None))
    assert known is not None
    assert (known.linear, known.stored, known.inner) == (128, 128 + 2 * 72, 16)
