"""Memory and time of jobs, estimated from the size of a model: more never needs less."""

import dataclasses
from collections.abc import Callable
from operator import ge

import pytest
from ecslm.estimates.lengths import LENGTHS, Lengths, lengths_of, read_lengths
from hypothesis import given
from hypothesis import strategies as st
from support.project import RESOURCES, ROOT

from ecslm.estimates import encoder, prediction
from ecslm.estimates import training as of_training
from ecslm.estimates.devices import DEVICES, Device, read_devices
from ecslm.estimates.estimate import LEAST_MINUTES, MIB, Estimate
from ecslm.estimates.prediction import PredictionJob, PredictionWork
from ecslm.estimates.sizes import Sizes, sizes_of, sizes_of_row
from ecslm.estimates.training import TrainingJob, TrainingWork
from ecslm.models.architecture import SIZES, Architecture, read_architectures
from ecslm.models.parameter_counts import count_adapter, count_base
from ecslm.models.precision import Precision
from ecslm.training.settings import TrainingSettings

ROWS = read_architectures(RESOURCES / "architectures.csv")
DEVICE = read_devices(ROOT / DEVICES)
TARGETS = TrainingSettings().target_modules
SHAPE = {
    **{"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "vocab_size": 512},
    **{"num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 16},
}

a_device = st.sampled_from(sorted(DEVICE)).map(DEVICE.__getitem__)
a_gpu = a_device.filter(lambda device: device.kind == "cuda")
a_precision = st.builds(
    Precision,
    quantization=st.sampled_from(["nf4", "none"]),
    dtype=st.sampled_from(["float32", "bfloat16"]),
)
a_number = st.integers(1, 5000)


def sizes(**changes: int | str) -> Sizes:
    row = {name: str(value) for name, value in (SHAPE | changes).items()}
    return sizes_of_row({"tie_word_embeddings": "true", **row})


def work(**changes: float) -> TrainingWork:
    known = {"records": 100, "tokens": 20_000, "answer_tokens": 900, "validation_tokens": 3_000}
    return TrainingWork(**{**known, "longest": 400, "answer_share": 0.2, **changes})  # type: ignore[arg-type]


def training(
    device: Device,
    precision: Precision | None = None,
    of: Sizes | None = None,
    done: TrainingWork | None = None,
    **settings: object,
) -> Estimate:
    return TrainingJob(
        of or sizes(),
        precision or Precision(),
        TrainingSettings(**settings),  # type: ignore[arg-type]
        done or work(),
        device,
    ).estimate()


def predicting(
    device: Device,
    precision: Precision | None = None,
    of: Sizes | None = None,
    batch_tokens: int = 4000,
    fused: bool = True,
    **changes: object,
) -> Estimate:
    lengths = Lengths(150, 300, 10, 20)
    done = PredictionWork(200, lengths, longest_answer=32, rank=16, targets=TARGETS)
    return PredictionJob(
        of or sizes(),
        precision or Precision(),
        fused,
        batch_tokens,
        dataclasses.replace(done, **changes),  # type: ignore[arg-type]
        device,
    ).estimate()


def needs_no_less(more: Estimate, less: Estimate) -> bool:
    pairs = ((one.device_bytes, one.host, one.seconds) for one in (more, less))
    return all(map(ge, *pairs))


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_sizes_count_the_parameters_that_the_parameters_table_counts(row: dict[str, str]) -> None:
    found = sizes_of_row(row)
    norms = found.hidden * (2 * found.depth + 1)
    assert found.stored + norms == count_base(row)
    assert sum(found.updates(16, TARGETS)) == count_adapter(row, 16, TARGETS)


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
        less = needs(device, precision, sizes(), fused=fused)  # type: ignore[operator]
        more = needs(device, precision, larger, fused=fused)  # type: ignore[operator]
        assert needs_no_less(more, less)


SETTINGS = st.fixed_dictionaries(
    {
        "dropout": st.sampled_from([0.0, 0.1]),
        "fused": st.booleans(),
        "packing": st.booleans(),
        "gradient_checkpointing": st.booleans(),
        "batch_tokens": st.sampled_from(["auto", 2000, 16000]),
    }
)


@given(
    change=st.sampled_from(["tokens", "answer_tokens", "validation_tokens", "longest"]),
    factor=st.integers(1, 10),
    device=a_device,
    settings=SETTINGS,
)
def test_more_to_train_on_never_needs_less_memory(
    change: str, factor: int, device: Device, settings: dict[str, object]
) -> None:
    before = work()
    after = work(**{change: getattr(before, change) * factor})
    less, more = training(device, done=before, **settings), training(device, done=after, **settings)
    assert more.device_bytes >= less.device_bytes
    assert more.host >= less.host
    # A longer record alone means fewer, fuller passes: that may be faster.
    assert more.seconds >= less.seconds or change == "longest"


@pytest.mark.parametrize("settings", [{"dropout": 0.1}, {"dropout": 0.0}, {"fused": True}])
def test_recomputed_activations_need_less_memory_and_more_time(settings: dict[str, object]) -> None:
    for device in DEVICE.values():
        kept = training(device, **settings)
        recomputed = training(device, gradient_checkpointing=True, **settings)
        assert recomputed.device_bytes <= kept.device_bytes
        assert recomputed.seconds >= kept.seconds


@given(st.lists(st.tuples(a_number, a_number), min_size=3, max_size=3), a_device, st.booleans())
def test_more_and_longer_prompts_and_answers_never_take_less_time(
    amounts: list[tuple[int, int]], device: Device, fused: bool
) -> None:
    def needed(choose: Callable[[tuple[int, int]], int]) -> Estimate:
        prompts, prompt, answer = map(choose, amounts)
        lengths = Lengths(prompt, 2 * prompt, answer, 2 * answer)
        done = {"prompts": prompts, "lengths": lengths, "longest_answer": 2 * answer}
        return predicting(device, fused=fused, **done)

    less, more = needed(min), needed(max)
    assert more.seconds >= less.seconds
    # Fewer, longer rows have fewer logits.
    assert more.device_bytes >= less.device_bytes - less.device["logits"]


@given(device=a_gpu, budget=st.integers(400, 600_000))
def test_a_batch_of_prompts_that_fits_is_no_larger_than_the_configured_one(
    device: Device, budget: int
) -> None:
    model = sizes_of_row(ROWS["Llama-3.2-3B"])
    done = PredictionWork(5000, Lengths(150, 300, 10, 20), longest_answer=32)
    job = PredictionJob(model, Precision(), True, budget, done, device)
    found = job.fitting_batch()
    assert found is not None
    needed = dataclasses.replace(job, batch_tokens=found).estimate()
    assert needed.device_bytes <= device.memory
    assert found <= budget
    # Those that do not fit are not computed.
    assert job.estimate().seconds == needed.seconds
    assert job.estimate().device_bytes >= needed.device_bytes


def test_a_model_that_no_device_holds_has_no_budget() -> None:
    model = sizes_of_row(ROWS["Llama-2-13B-chat"])
    settings = TrainingSettings(fused=True, batch_tokens="auto")
    device = DEVICE["NVIDIA RTX 4090"]
    assert TrainingJob(model, Precision(), settings, work(), device).fitting_budget() is None


def test_sizes_of_batches_are_those_of_the_modules_that_compute_which_load_torch() -> None:
    from ecslm.prediction import prefill
    from ecslm.scoring.bertscore import pairs, run
    from ecslm.training import fused_ops

    assert (prediction.CHUNK, prediction.KEPT) == (prefill.CHUNK, prefill.KEPT)
    assert (encoder.BATCH, encoder.CHUNK) == (pairs.BATCH, run.CHUNK)
    assert of_training.BLOCK == fused_ops.BLOCK


def test_operations_are_two_for_each_weight_and_token() -> None:
    model = sizes()
    matrices = model.linear + model.embedding
    assert model.writing(tokens=7, length=0) == 7 * 2 * matrices
    assert model.reading(tokens=7, length=0) == 7 * 2 * model.linear
    trained = model.training((10, 100), tokens=7, length=0, answer=3)
    assert trained == 7 * (4 * model.linear + 600) + 3 * (4 * model.embedding + 60)


@given(bytes_=st.floats(1, 1e12), seconds=st.floats(1, 1e6))
def test_a_request_is_above_its_estimate_and_never_for_less_than_starting_takes(
    bytes_: float, seconds: float
) -> None:
    asked = Estimate({}, round(bytes_), seconds).request()
    assert asked.memory_mb * MIB >= round(bytes_)
    assert asked.minutes * 60 >= seconds
    assert asked.minutes >= LEAST_MINUTES


def test_models_of_which_a_layer_is_not_known_have_no_sizes() -> None:
    assert sizes_of(Architecture({}, 2, None, False)) is None
    assert sizes_of(Architecture({"lm_head": (9, 8), "proj": None}, 2, None, False)) is None
    assert sizes_of(Architecture({"lm_head": (9, 8)}, None, None, False)) is None
    known = sizes_of(Architecture({"lm_head": (9, 8), "up": (16, 8)}, 1, None, False))
    assert known is not None
    assert (known.linear, known.stored, known.inner) == (128, 128 + 2 * 72, 16)


def test_a_task_that_is_not_in_the_file_has_the_mean_of_all() -> None:
    known = read_lengths(ROOT / LENGTHS)
    unknown, each = lengths_of(known, "NEW", 0), lengths_of(known, "SA", 0)
    assert min(row.prompt for row in known.values()) < unknown.prompt
    assert unknown.longest_prompt >= each.longest_prompt
    assert lengths_of(known, "SA", 1).prompt > each.prompt
