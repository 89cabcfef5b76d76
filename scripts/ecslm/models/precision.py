"""Numeric precision, the same for training and prediction of a model, and the libraries whose
versions can change what it computes, as the lock file spells them."""

from typing import Literal

from ecslm.common.environment import cpu_type
from ecslm.schemas.settings import Closed

# Rendering a prompt and turning it into tokens.
PROMPT_LIBRARIES = ("Jinja2", "tokenizers")
# Loading weights and running them.
MODEL_LIBRARIES = ("torch", "transformers", "accelerate", "safetensors")


class Precision(Closed):
    """Quantisation of the base weights, and data type of computation."""

    quantization: Literal["nf4", "none"] = "nf4"
    """nf4: 4-bit base weights with double quantisation (QLoRA); or none."""
    dtype: Literal["auto", "float32", "bfloat16"] = "bfloat16"
    """Data type of computation and of weights that are not quantised. auto: bfloat16, but float32
    on a CPU without instructions for bfloat16, where that takes a fifteenth of the time."""

    def computed_in(self, device: str) -> Literal["float32", "bfloat16"]:
        """The data type that a model computes in on a device of this machine."""
        if self.dtype != "auto":
            return self.dtype
        # Of the flags amx_bf16, avx512_bf16 and that of ARM. Without them products are computed one
        # by one.
        fast = device == "cuda" or any(flag.endswith("bf16") for flag in cpu_type().split())
        return "bfloat16" if fast else "float32"

    @property
    def libraries(self) -> tuple[str, ...]:
        """The library that quantises, if the weights are quantised."""
        return ("bitsandbytes",) if self.quantization == "nf4" else ()

    @property
    def exact(self) -> bool:
        """Whether answers are assumed not to depend on how prompts are batched."""
        return self.dtype == "float32"
