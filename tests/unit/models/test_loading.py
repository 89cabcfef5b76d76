"""Loading base weights: precisions, devices, and folders that hold no model."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from bitsandbytes.nn import Linear4bit
from support.families import FAMILIES, write_tiny_family
from support.model_examples import EXACT, QUANTISED
from support.tiny import LAYERS
from transformers import core_model_loading

from ecslm.common.errors import InputError
from ecslm.models import loading, precision
from ecslm.models.manifests import run_fields
from ecslm.models.precision import Precision

CPU = torch.device("cpu")


def load(folder: Path, chosen: dict[str, str] = EXACT) -> Any:
    return loading.load_base_model(folder, Precision.model_validate(chosen), CPU)


@pytest.mark.parametrize(
    ("dtype", "device", "flags", "expected"),
    [
        ("auto", "cpu", "avx avx2 fma", "float32"),
        ("auto", "cpu", "avx2 avx512_bf16", "bfloat16"),
        ("auto", "cpu", "amx_bf16 amx_tile", "bfloat16"),
        ("auto", "cpu", "asimd bf16", "bfloat16"),
        ("auto", "cuda", "avx2", "bfloat16"),
        ("bfloat16", "cpu", "avx2", "bfloat16"),
        ("float32", "cuda", "amx_bf16", "float32"),
    ],
)
def test_auto_is_the_type_for_which_the_device_has_instructions(
    monkeypatch: pytest.MonkeyPatch, dtype: Any, device: Any, flags: str, expected: str
) -> None:
    monkeypatch.setattr(precision, "cpu_type", lambda: f"x86_64 Maker {flags}")
    chosen = Precision(dtype=dtype)
    assert chosen.computed_in(device) == expected
    # The manifest says it where the settings do not.
    found = run_fields("Tiny", 0, device, 2, chosen)
    assert found.get("dtype") == (expected if dtype == "auto" else None)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_nf4_quantises_the_layers_and_neither_embedding_nor_head(
    tiny_model: Path, dtype: str
) -> None:
    model = load(tiny_model, {"quantization": "nf4", "dtype": dtype})
    quantised = [module for module in model.modules() if isinstance(module, Linear4bit)]
    assert len(quantised) == 7 * LAYERS
    for module in quantised:
        assert module.weight.quant_state.quant_type == "nf4"
        assert module.weight.quant_state.nested
        assert module.compute_dtype == getattr(torch, dtype)
    assert model.get_output_embeddings().weight.dtype == getattr(torch, dtype)
    assert model.get_output_embeddings().weight is model.get_input_embeddings().weight
    assert not model.training
    assert not any(weight.requires_grad for weight in model.parameters())
    plain = load(tiny_model, {"quantization": "none", "dtype": dtype})
    assert {weight.dtype for weight in plain.parameters()} == {getattr(torch, dtype)}


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_weights_are_dequantised_to_the_bytes_that_transformers_makes_of_a_packed_model(
    dtype: str, family: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And without threads, whose memory nothing else could use."""
    chosen = Precision.model_validate({"quantization": "nf4", "dtype": dtype})
    folder = write_tiny_family(tmp_path, family)
    packed = loading.load_base_model(folder, chosen, CPU)
    # Falcon's layers are of its own class, which stay as they are.
    if any(isinstance(layer, Linear4bit) for layer in packed.modules()):
        packed = packed.dequantize(dtype=getattr(torch, dtype))
    monkeypatch.setenv(loading.ONE_THREAD_LOADS, "")
    del os.environ[loading.ONE_THREAD_LOADS]
    monkeypatch.delattr(core_model_loading, "ThreadPoolExecutor")
    unpacked = loading.load_base_model(folder, chosen, CPU, dequantized=True)
    right, found = packed.state_dict(), unpacked.state_dict()
    assert right.keys() == found.keys()
    for name, weight in found.items():
        # Its layers of GPT-2's own class become ordinary ones, whose weights lie the other way.
        other = family == "gpt2" and ".c_" in name
        assert torch.equal(right[name], weight.T if other else weight), name
    assert {weight.dtype for weight in unpacked.parameters()} == {getattr(torch, dtype)}


def test_a_quantised_layer_computes_the_same_with_and_without_gradient(tiny_model: Path) -> None:
    layer = load(tiny_model, QUANTISED).model.layers[0].mlp.up_proj
    entry = torch.randn(3, layer.in_features, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        without = layer(entry)
    entry.requires_grad_()
    with_gradient = layer(entry)
    torch.testing.assert_close(with_gradient.detach(), without, rtol=1e-6, atol=1e-6)
    with_gradient.sum().backward()
    assert entry.grad.abs().sum() > 0


@pytest.mark.parametrize("told", ["no loadable weights", "logit_softcapping", "has no eos_token"])
def test_a_folder_that_cannot_be_used_is_refused_in_one_line(
    told: str, tiny_model: Path, tmp_path: Path
) -> None:
    copy = shutil.copytree(tiny_model, tmp_path / "model")
    path = copy / ("tokenizer_config.json" if "eos" in told else "config.json")
    settings = json.loads(path.read_text())
    match told:
        case "no loadable weights":
            weights = copy / "model.safetensors"
            weights.write_bytes(weights.read_bytes()[:-1000])
        case "logit_softcapping":
            path.write_text(json.dumps(settings | {"final_logit_softcapping": 30.0}))
        case _:
            del settings["eos_token"]
            path.write_text(json.dumps(settings))
    with pytest.raises(InputError, match=told) as caught:
        (loading.load_tokenizer if "eos" in told else load)(copy)
    (line,) = caught.value.problems
    assert "\n" not in line
    assert line.startswith(f"{copy}: ")


def test_a_device_is_refused_only_where_it_is_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(loading.ALLOCATOR, "")
    del os.environ[loading.ALLOCATOR]
    assert loading.require_device("cpu") == CPU
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    torch.backends.cuda.enable_cudnn_sdp(True)
    assert loading.require_device("cuda").type == "cuda"
    assert os.environ[loading.ALLOCATOR] == "expandable_segments:True"
    assert not torch.backends.cuda.cudnn_sdp_enabled()
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(InputError, match="this machine has no usable GPU"):
        loading.require_device("cuda")


@pytest.mark.parametrize(("device", "workspace"), [("cuda", ":4096:8"), ("cpu", None)])
def test_a_gpu_computes_deterministically_and_a_cpu_always_does(
    monkeypatch: pytest.MonkeyPatch, device: str, workspace: str | None
) -> None:
    calls: list[bool] = []
    monkeypatch.setattr(torch, "use_deterministic_algorithms", calls.append)
    monkeypatch.setattr(torch.backends.cudnn, "benchmark", True)
    monkeypatch.setenv(loading.WORKSPACE, "")
    del os.environ[loading.WORKSPACE]
    loading.compute_deterministically(device)
    assert calls == [True] * (device == "cuda")
    assert torch.backends.cudnn.benchmark == (device == "cpu")
    assert os.environ.get(loading.WORKSPACE) == workspace
