"""Numeric precision, the same for training and prediction of a model."""

from typing import Literal

from pydantic import Field

from ecslm.schemas.settings import Closed


class Precision(Closed):
    """Quantisation of the base weights, and data type of computation."""

    quantization: Literal["nf4", "none"] = Field(
        "nf4", description="nf4: 4-bit base weights with double quantisation (QLoRA); or none."
    )
    dtype: Literal["auto", "float32", "bfloat16"] = Field(
        "bfloat16",
        description="Data type of computation and of weights that are not quantised. auto: "
        "bfloat16, but float32 on a CPU without instructions for bfloat16, where that takes a "
        "fifteenth of the time.",
    )

    @property
    def libraries(self) -> tuple[str, ...]:
        """The library that quantises, if the weights are quantised."""
        return ("bitsandbytes",) if self.quantization == "nf4" else ()

    @property
    def exact(self) -> bool:
        """Whether answers are assumed not to depend on how prompts are batched."""
        return self.dtype == "float32"
