"""Training as on a GPU in bfloat16, with the autocast of a CPU and a compiler that changes nothing.

What no CPU can show: rates, memory, and the kernels that a GPU's compiler makes.
"""

import json
from functools import partialmethod
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from support.machine import install
from support.model_examples import adapter_settings, read_lines, train
from support.tiny import LAYERS
from torch._dynamo.testing import CompileCounterWithBackend
from torch.autograd.graph import saved_tensors_hooks
from torch.nn.functional import cosine_similarity, scaled_dot_product_attention
from transformers import AttentionInterface, LlamaConfig, LlamaForCausalLM

from ecslm.common.errors import InputError
from ecslm.estimates.formulas import kept
from ecslm.estimates.sizes import sizes_of_row
from ecslm.models.manifests import read_adapter
from ecslm.training import attention, mixed
from ecslm.training import trainer as trainers
from ecslm.training.batches import Batch, Example, Packed, Padded
from ecslm.training.fit import add_adapter
from ecslm.training.settings import TrainingSettings

from .gradients import far_from_zero, load, loss_and_gradients

CPU = torch.device("cpu")
Found = tuple[torch.Tensor, dict[str, torch.Tensor]]


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take the CPU for a GPU, as far as types are concerned."""
    monkeypatch.setattr(mixed, "is_mixed", lambda causal: causal.dtype is torch.bfloat16)


def use_kernel(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Have a kernel for several lengths, without a shared prefix; gives the tokens of its calls."""
    calls: list[int] = []

    def kernel(query: Any, key: Any, value: Any, bounds: Any, *_: Any, **options: Any) -> Any:
        if not torch.compiler.is_compiling():
            calls.append(len(query))
        heads = [each.transpose(0, 1).unsqueeze(0) for each in (query, key, value)]
        own = torch.bucketize(torch.arange(len(query)), bounds[1:], right=True)
        seen = (own.unsqueeze(0) == own.unsqueeze(1)).tril()
        assert options.pop("window_size") == (-1, 0)
        return scaled_dot_product_attention(*heads, seen, **options)[0].transpose(0, 1)

    # Put back at the end.
    monkeypatch.setitem(AttentionInterface._global_mapping, attention.ATTENTION, None)
    monkeypatch.setattr(attention, "_has_kernel", lambda _device: True)
    monkeypatch.setattr(attention, "varlen_attn", kernel)
    return calls


def adapted(base: Path, dtype: str = "bfloat16", quantization: str = "nf4", **settings: Any) -> Any:
    """With an adapter all of whose matrices are far from zero."""
    model = load(base, {"quantization": quantization, "dtype": dtype})
    return far_from_zero(add_adapter(model, TrainingSettings(rank=4, **settings)).train())


def assert_near(found: Found, expected: Found) -> None:
    torch.testing.assert_close(found[0], expected[0], rtol=2e-3, atol=0)
    for name, gradient in expected[1].items():
        assert found[1][name].dtype == torch.float32
        assert cosine_similarity(found[1][name].flatten(), gradient.flatten(), dim=0) > 0.998, name


def computed(model: Any, *batches: Batch) -> Found:
    """Loss and gradients, with the same dropout each time."""
    torch.manual_seed(0)
    return loss_and_gradients(model, *batches)


# NF4 quantises rounded weights to other values than those in float32.
@pytest.mark.parametrize(("quantization", "dtype"), [("none", "float32"), ("nf4", "bfloat16")])
def test_loss_and_gradients_are_near_those_of_updates_in_float32(
    tiny_base: Path,
    examples: list[Example],
    monkeypatch: pytest.MonkeyPatch,
    quantization: str,
    dtype: str,
) -> None:
    """The loss within 0.2 %, the gradient of each matrix within a cosine of 0.998; with dropout."""
    batch = Padded(2).collate(examples[:4])
    exact = computed(adapted(tiny_base, dtype, quantization), batch)
    monkeypatch.setattr(mixed, "is_mixed", lambda _: True)
    found = computed(adapted(tiny_base, "bfloat16", quantization), batch)
    assert_near(found, exact)
    assert not torch.equal(found[0], exact[0])


@pytest.mark.parametrize("dropout", [0.0, 0.1])
@pytest.mark.parametrize("on_gpu", [False, True])
def test_a_layer_keeps_the_bytes_that_the_estimate_counts(
    monkeypatch: pytest.MonkeyPatch, on_gpu: bool, dropout: float
) -> None:
    monkeypatch.setattr(mixed, "is_mixed", lambda _: on_gpu)
    sizes = {"hidden_size": 256, "intermediate_size": 1024, "vocab_size": 256, "head_dim": 64}
    sizes |= {"num_attention_heads": 4, "num_key_value_heads": 4}
    tokens = torch.arange(256).unsqueeze(0)

    def saved(depth: int) -> float:
        config = LlamaConfig(**sizes, num_hidden_layers=depth)
        base = LlamaForCausalLM(config).bfloat16().requires_grad_(False)
        model = add_adapter(base, TrainingSettings(dropout=dropout, rank=2)).train()
        causal, bytes_, alive = model.get_base_model(), {}, []
        weights = {weight.untyped_storage().data_ptr() for weight in model.parameters()}

        def keep(tensor: torch.Tensor) -> torch.Tensor:
            storage = tensor.untyped_storage()
            if storage.data_ptr() not in weights:
                bytes_[storage.data_ptr()] = storage.nbytes()
                alive.append(tensor)
            return tensor

        with saved_tensors_hooks(keep, lambda x: x), mixed.mixed_products(causal):
            causal.base_model(input_ids=tokens, use_cache=False)
        return sum(bytes_.values()) / tokens.numel()

    row = {name: str(size) for name, size in sizes.items()} | {"num_hidden_layers": "2"}
    entry = 2 if on_gpu else 4
    expected = kept(
        sizes_of_row({"tie_word_embeddings": "false", **row}), 2, dropout > 0, None, entry
    )
    # Masks have a byte a number on a GPU, and on a CPU the type of what is dropped.
    masks = (entry - 1) * (5 * 256 + 256 + 1024) if dropout else 0
    assert saved(3) - saved(2) - masks == pytest.approx(expected, rel=0.03)


@pytest.mark.parametrize("layout", [Padded(2), Packed(share=False)], ids=["padded", "packed"])
@pytest.mark.usefixtures("gpu")
def test_compiled_layers_compute_what_the_plain_ones_do_and_are_compiled_for_any_length(
    tiny_base: Path,
    examples: list[Example],
    monkeypatch: pytest.MonkeyPatch,
    layout: Padded | Packed,
) -> None:
    """To the last bit; with dropout. The first layer, whose input has no gradient, is a variant."""
    use_kernel(monkeypatch)
    compiler = CompileCounterWithBackend("eager")
    monkeypatch.setattr(mixed.shutil, "which", str)
    own = partialmethod(torch.nn.Module.compile, backend=compiler)
    monkeypatch.setattr(torch.nn.Module, "compile", own)
    batches = [layout.collate(examples[i : i + n]) for i, n in ((0, 3), (3, 2), (4, 4))]
    packing = isinstance(layout, Packed)
    plain, compiled = (adapted(tiny_base, compiled=x, packing=packing) for x in (False, True))
    for batch in batches:
        expected, found = computed(plain, batch), computed(compiled, batch)
        torch.testing.assert_close(found, expected, rtol=0, atol=0)
    assert compiler.frame_count == LAYERS == 2


@pytest.mark.usefixtures("gpu")
def test_packed_records_with_dropout_attend_by_the_gpus_kernel(
    tiny_base: Path, examples: list[Example], monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = Packed(share=False).collate(examples[:4])
    expected = computed(adapted(tiny_base, packing=True), batch)
    calls = use_kernel(monkeypatch)
    found = computed(adapted(tiny_base, packing=True), batch)
    assert calls == LAYERS * [batch["input_ids"].numel()]
    assert_near(found, expected)


@pytest.mark.parametrize(
    ("settings", "dtype", "layers"),
    [
        ({"compiled": True}, "bfloat16", LAYERS),
        ({"compiled": True}, "float32", 0),
        ({"compiled": True, "deterministic": True}, "bfloat16", 0),
        ({}, "bfloat16", 0),
    ],
)
@pytest.mark.usefixtures("gpu")
def test_layers_are_compiled_if_that_is_asked_for_and_bytes_may_vary(
    tiny_base: Path,
    monkeypatch: pytest.MonkeyPatch,
    settings: dict[str, Any],
    dtype: str,
    layers: int,
) -> None:
    asked: list[dict[str, Any]] = []
    monkeypatch.setattr(mixed.shutil, "which", str)
    monkeypatch.setattr(torch.nn.Module, "compile", lambda _self, **given: asked.append(given))
    adapted(tiny_base, dtype, **settings)
    assert asked == layers * [{"dynamic": True, "recompile_limit": mixed.VARIANTS}]


def test_on_a_cpu_nothing_of_it_changes_a_byte(
    tiny_base: Path, exact_adapter: Path, tmp_path: Path
) -> None:
    found = train(tmp_path, tiny_base, adapter_settings(compiled=True))
    assert read_adapter(found).files == read_adapter(exact_adapter).files
    # The setting stands where it is on alone: others have the form that they had before it.
    saved = [json.loads(path.read_text())["settings"] for path in (found, exact_adapter)]
    assert [training["training"].get("compiled") for training in saved] == [True, None]


@pytest.mark.parametrize(
    ("device", "dtype", "expected"),
    [
        ("cuda", torch.bfloat16, True),
        ("cuda", torch.float32, False),
        ("cpu", torch.bfloat16, False),
    ],
)
def test_products_are_mixed_on_a_gpu_in_bfloat16(
    device: str, dtype: torch.dtype, expected: bool
) -> None:
    assert mixed.is_mixed(SimpleNamespace(device=torch.device(device), dtype=dtype)) == expected


@pytest.mark.usefixtures("gpu")
def test_a_whole_training_packed_and_with_dropout(
    tiny_base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install([], monkeypatch.setattr)
    monkeypatch.setattr(trainers, "require_device", lambda _device: CPU)
    calls = use_kernel(monkeypatch)
    precision = {"quantization": "nf4", "dtype": "bfloat16"}
    settings = adapter_settings(precision, packing=True, epochs=1)
    found = train(tmp_path, tiny_base, settings, device="cuda")
    log = read_lines(found.parent / "log.jsonl")
    assert len([entry for entry in log if "loss" in entry]) == 3
    # The micro-batches of three steps, and an evaluation.
    assert len(calls) >= 4 * LAYERS


@pytest.mark.usefixtures("gpu")
def test_without_a_compiler_a_training_ends_in_one_line_before_its_first_step(
    tiny_base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mixed.shutil, "which", lambda _: None)
    with pytest.raises(InputError, match=r"no C compiler was found: .* or set `compiled: false`"):
        adapted(tiny_base, compiled=True)
