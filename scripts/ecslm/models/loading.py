"""Loading base weights and tokenizers, on a device and with a precision."""

import logging
import os
import sys
from pathlib import Path
from typing import Any

import torch
import transformers
from safetensors import SafetensorError
from transformers import AutoModelForCausalLM, AutoTokenizer, BitsAndBytesConfig
from transformers.pytorch_utils import Conv1D

from ecslm.common.errors import InputError
from ecslm.models.precision import Precision

# How cuBLAS and cuDNN say that they could not allocate their workspace.
NOT_ALLOCATED = "STATUS_ALLOC_FAILED"

# A workspace of fixed size for each stream, without which cuBLAS picks its algorithms by what is
# free: https://docs.nvidia.com/cuda/cublas/#results-reproducibility
WORKSPACE, FIXED = "CUBLAS_WORKSPACE_CONFIG", ":4096:8"

# Passes are of many sizes: without it, memory that torch keeps for some does not serve others.
# https://docs.pytorch.org/docs/stable/notes/cuda.html#optimizing-memory-usage
ALLOCATOR, GROWING = "PYTORCH_ALLOC_CONF", "expandable_segments:True"

# What a thread has allocated serves it alone after it is freed: a training whose base was loaded by
# several threads, and then unpacked, took a fifth more memory.
ONE_THREAD_LOADS = "HF_DEACTIVATE_ASYNC_LOAD"

log = logging.getLogger(__name__)


def require_device(device: str) -> torch.device:
    """The torch device, after checking that this machine has it.

    Attention of cuDNN is switched off: on recent GPUs it has given NaN for padded rows, wrong
    tokens with few heads, and it makes a plan for each new length.

    Raises:
        InputError: the device is not available.
    """
    if device == "cuda" and not torch.cuda.is_available():
        raise InputError(
            "device: cuda is configured, but this machine has no usable GPU: run on one that has "
            "it, or set `device: cpu` in the study"
        )
    torch.backends.cuda.enable_cudnn_sdp(False)
    # Read when memory of the GPU is first taken.
    os.environ.setdefault(ALLOCATOR, GROWING)
    return torch.device(device)


def compute_deterministically(device: str) -> None:
    """Use only deterministic algorithms on a GPU from now on, at some cost of time; an operation
    without one raises an error. On a CPU all algorithms that the project uses are deterministic.

    Call it before anything is computed on the GPU: cuBLAS reads its setting once.
    """
    if device == "cpu":
        return
    os.environ.setdefault(WORKSPACE, FIXED)
    torch.use_deterministic_algorithms(True)
    torch.backends.cudnn.benchmark = False


def is_out_of_memory(error: RuntimeError) -> bool:
    """Whether an error says that the device's memory does not suffice."""
    return isinstance(error, torch.OutOfMemoryError) or NOT_ALLOCATED in str(error)


def use_threads(device: torch.device, threads: int) -> None:
    """Compute with this number of threads on a CPU, whatever OMP_NUM_THREADS and the number of
    cores are.

    Sums are split among the threads, so their number changes rounding. bitsandbytes uses the same
    OpenMP library as torch, and so the same number.
    """
    if device.type == "cpu":
        torch.set_num_threads(threads)


def load_tokenizer(folder: Path) -> Any:
    """Load the fast tokenizer of a model directory.

    Raises:
        InputError: there is no usable tokenizer, or it has no end-of-text token.
    """
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, use_fast=True, trust_remote_code=False)
    except (OSError, ValueError) as error:
        raise InputError(f"{folder}: no usable tokenizer ({_one_line(error)})") from None
    if tokenizer.eos_token_id is None:
        raise InputError(f"{folder}: the tokenizer has no eos_token")
    return tokenizer


def load_base_model(
    folder: Path, precision: Precision, device: torch.device, dequantized: bool = False
) -> Any:
    """Load the causal language model of a directory, in evaluation mode, with frozen weights.

    With `dequantized`, weights are quantised and unpacked again, once, layer by layer: the same
    function up to rounding, in more memory.

    Raises:
        InputError: there are no loadable weights, or the architecture changes the logits after the
            head, which a loss computed from the head alone would miss.
    """
    if not sys.stderr.isatty():
        transformers.utils.logging.disable_progress_bar()
    options: dict[str, Any] = {}
    computed_in = precision.computed_in(device.type)
    dtype = getattr(torch, computed_in)
    log.info("computes in %s", computed_in)
    packed = precision.quantization == "nf4" and not dequantized
    if dequantized:
        os.environ.setdefault(ONE_THREAD_LOADS, "1")
    if packed:
        options["quantization_config"] = BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_use_double_quant=True,
            bnb_4bit_compute_dtype=dtype,
        )
    try:
        model = AutoModelForCausalLM.from_pretrained(
            folder,
            dtype=dtype,
            device_map={"": device},
            use_safetensors=True,
            trust_remote_code=False,
            **options,
        )
    except (OSError, ValueError, SafetensorError) as error:
        raise InputError(f"{folder}: no loadable weights ({_one_line(error)})") from None
    for name in ("final_logit_softcapping", "logits_scaling", "logit_scale"):
        if getattr(model.config, name, None):
            raise InputError(f"{folder}: config.json: architectures with {name} are not supported")
    if packed:
        _prevent_repacking(model)
    elif precision.quantization == "nf4":
        _round_to_nf4(model)
    return model.requires_grad_(False).eval()


def _round_to_nf4(model: Any) -> None:
    """Give weights the values that they have after quantisation: the bytes that `dequantize` of
    transformers makes of a packed model, which unpacks each weight twice."""
    from bitsandbytes.functional import dequantize_4bit, quantize_4bit

    head = model.get_output_embeddings()
    for layer in model.modules():
        # As transformers chooses layers: of these classes, not of classes derived from them.
        if type(layer) in (torch.nn.Linear, Conv1D) and layer is not head:
            # Blocks of values that have a scale in common go along the inputs of a layer.
            transposed = isinstance(layer, Conv1D)
            weight = layer.weight.data.T.contiguous() if transposed else layer.weight.data
            packed = quantize_4bit(weight, compress_statistics=True, quant_type="nf4")
            weight = dequantize_4bit(*packed)
            layer.weight.data.copy_(weight.T if transposed else weight)


def _prevent_repacking(model: Any) -> None:
    """Prevent quantised layers from repacking their weights in the first evaluation on a CPU.

    The repacked layout rounds scales to bfloat16, and its kernel has no gradient: training would
    silently continue without gradients after its first evaluation.
    """
    from bitsandbytes.nn import Linear4bit

    for module in model.modules():
        if isinstance(module, Linear4bit):
            module.support_avx512bf16_for_cpu = False


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
