"""Settings of training."""

from operator import not_
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from ecslm.models.precision import MODEL_LIBRARIES, PROMPT_LIBRARIES, Precision
from ecslm.schemas.settings import Closed, JobSettings

FEWEST_TOKENS = 16
AUTO_ON_CPU = "auto measures the memory of a GPU: set a number, or `device: cuda` in the study"

LossWeights = Literal["tokens", "records"]
Order = Literal["shuffled", "stratified"]


def _number_or_auto(value: Any) -> Any:
    # One line for both forms.
    if value != "auto" and (type(value) is not int or value < FEWEST_TOKENS):
        raise ValueError(f"must be auto or a whole number of at least {FEWEST_TOKENS}")
    return value


def _in_one_order(layers: tuple[str, ...]) -> tuple[str, ...]:
    # Another order gives the same adapter, so it must not train it again.
    return tuple(sorted(set(layers)))


NumberOrAuto = Annotated[int, Field(ge=FEWEST_TOKENS)] | Literal["auto"]


class TrainingSettings(Closed):
    """Hyper-parameters of an adapter. The defaults are those of the published study."""

    rank: int = Field(16, ge=1)
    """Rank of the low-rank update (LoRA r)."""
    alpha: int = Field(16, ge=1)
    """Scale of the update: alpha / rank."""
    dropout: float = Field(0.1, ge=0, lt=1)
    """Dropout on the update's input."""
    target_modules: Annotated[tuple[str, ...], AfterValidator(_in_one_order)] = (
        *("down_proj", "gate_proj", "k_proj", "lm_head"),
        *("o_proj", "q_proj", "up_proj", "v_proj"),
    )
    """Linear layers that get an update, in any order."""
    learning_rate: float = Field(1e-4, gt=0)
    """Peak learning rate of AdamW."""
    scheduler: Literal["cosine", "linear", "constant_with_warmup"] = "cosine"
    """Schedule of the learning rate after the warm-up."""
    warmup_ratio: float = Field(0.05, ge=0, lt=1)
    """Share of the steps that warm up."""
    weight_decay: float = Field(0.0, ge=0)
    """Decoupled weight decay of AdamW."""
    max_grad_norm: float = Field(1.0, gt=0)
    """Gradients are clipped to this norm."""
    train_fraction: float = Field(1.0, gt=0, le=1)
    """Share of each task's training records that is used, at least one record of each task; a
    smaller share is part of every larger one."""
    epochs: int = Field(3, ge=1)
    """Passes over the training records."""
    global_batch: int = Field(64, ge=1)
    """Records per optimiser step."""
    order: Order = "shuffled"
    """Order of the records in an epoch. shuffled: random. stratified: random, but with the records
    of each task and answer spread evenly over the epoch. That makes small batches less noisy, so
    that short answers are learned sooner."""
    max_length: int = Field(4000, ge=16)
    """Tokens of prompt and answer; longer inputs are cut at the end."""
    batch_tokens: Annotated[NumberOrAuto, BeforeValidator(_number_or_auto)] = 8000
    """Tokens per forward pass, padding included; longer records get their own. auto: as many as fit
    into the memory of the GPU, measured before the first step."""
    packing: bool = False
    """Put the records of a forward pass one after the other, without padding; attention keeps them
    apart. Without dropout, the beginning that all their prompts share is computed once."""
    max_val_records: int | None = Field(None, ge=1)
    """Evaluate on this many records, evenly spaced; null: on all."""
    evaluations: int = Field(1, ge=1)
    """Evaluations in each epoch, evenly spaced. log.jsonl has the results of all; the adapter is
    the best of those at the ends of epochs."""
    loss_weights: LossWeights = "tokens"
    """What has the same weight in the loss. tokens: each token of an answer, so that long answers
    count more. records: each answer."""
    gradient_checkpointing: bool = False
    """Recompute activations in the backward pass: less memory, more time."""
    fused: bool = False
    """Dequantise the base once, when it is loaded, and on a CPU compute the layers of Llama models
    with fewer operations: the same function up to rounding, faster, with more memory. With dropout,
    with gradient checkpointing, or with other architectures, only the base is dequantised."""
    compiled: bool = Field(False, exclude_if=not_)
    """On a GPU in bfloat16 compile the layers with torch.compile, at the start: the same function
    up to rounding, with fewer passes over memory. Needs a C compiler. With `deterministic` the
    layers are not compiled."""
    deterministic: bool = False
    """Give the same bytes in every run on the same type of GPU, at some cost of time; on a CPU this
    is always so."""

    @model_validator(mode="after")
    def _measure_nothing_if_deterministic(self) -> Self:
        if self.deterministic and self.batch_tokens == "auto":
            raise ValueError("`deterministic` needs a number of `batch_tokens`: free memory varies")
        return self


class AdapterSettings(JobSettings):
    """Everything in the configuration that determines an adapter's bytes."""

    precision: Precision = Precision()
    shots: int = 0
    training: TrainingSettings = TrainingSettings()

    @property
    def libraries(self) -> tuple[str, ...]:
        """Libraries whose versions can change the adapter."""
        return (*MODEL_LIBRARIES, *PROMPT_LIBRARIES, "peft", *self.precision.libraries)
