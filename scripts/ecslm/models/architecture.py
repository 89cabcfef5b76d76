"""The layers, depth and window of a base, without torch, in milliseconds: from its files, or from a
row of resources/architectures.csv."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from ecslm.common.errors import InputError
from ecslm.common.files import read_csv, read_json
from ecslm.common.text import nearest

# Rows and columns of a layer's weights; None if they are stored in another layout, as quantised
# ones are.
Shape = tuple[int, int] | None

# Columns of resources/architectures.csv.
SIZES = (
    *("hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads"),
    *("num_key_value_heads", "head_dim", "vocab_size"),
)

# Keys of config.json for the same number, which differ between architectures.
DEPTH = ("num_hidden_layers", "n_layers", "n_layer", "num_layers")
WINDOW = ("max_position_embeddings", "n_positions", "max_seq_len")
WIDTH = ("hidden_size", "n_embd", "d_model")
PLAIN_TYPES = ("F64", "F32", "F16", "BF16")
HEAD, EMBEDDING = "lm_head", "model.embed_tokens"


@dataclass(frozen=True)
class Architecture:
    """What is known of a base; `layers` are those that an adapter can update, by module name."""

    layers: Mapping[str, Shape]
    depth: int | None
    window: int | None


def readable_tokens(architecture: Architecture, length: int, trained: int | None) -> int:
    """How many of `length` tokens a model can read as it was trained to.

    Args:
        trained: the maximum length of the records that its adapter was trained on, if it has one.
    """
    return min(length, max(architecture.window or length, trained or 0))


def read_architecture(folder: Path) -> Architecture:
    """The architecture of a model directory, from config.json and the headers of its weights.

    Raises:
        InputError: a file is missing or damaged.
    """
    config = read_json(folder / "config.json")
    layers = {
        name: shape
        for path in sorted(folder.glob("*.safetensors"))
        for name, shape in _layers(path)
    }
    # A tied head has no weights of its own. In a file, that heads are tied is the default.
    if HEAD not in layers and config.get("tie_word_embeddings", True):
        sizes = _number(config, ("vocab_size",)), _number(config, WIDTH)
        layers[HEAD] = None if None in sizes else sizes  # type: ignore[assignment]
    return Architecture(layers, _number(config, DEPTH), _number(config, WINDOW))


def read_architectures(path: Path) -> dict[str, dict[str, str]]:
    """The rows of resources/architectures.csv by name and by hub id.

    Raises:
        InputError: the file is missing, lacks a column, or has a model twice.
    """
    columns = ("model", "hub_id", *SIZES, "tie_word_embeddings")
    rows = read_csv(path, columns, ("model",))
    return {row[key]: row for row in rows for key in ("model", "hub_id")}


def llama_architecture(row: Mapping[str, str]) -> Architecture:
    """The architecture of a row of resources/architectures.csv, all of which are Llama models."""
    sizes = {size: int(row[size]) for size in SIZES}
    hidden, inner = sizes["hidden_size"], sizes["intermediate_size"]
    queries = sizes["num_attention_heads"] * sizes["head_dim"]
    keys = sizes["num_key_value_heads"] * sizes["head_dim"]
    block = {
        "self_attn.q_proj": (queries, hidden),
        "self_attn.k_proj": (keys, hidden),
        "self_attn.v_proj": (keys, hidden),
        "self_attn.o_proj": (hidden, queries),
        "mlp.gate_proj": (inner, hidden),
        "mlp.up_proj": (inner, hidden),
        "mlp.down_proj": (hidden, inner),
    }
    vocabulary = (sizes["vocab_size"], hidden)
    depth = sizes["num_hidden_layers"]
    blocks = {
        f"model.layers.{number}.{name}": shape
        for number in range(depth)
        for name, shape in block.items()
    }
    layers = {EMBEDDING: vocabulary, HEAD: vocabulary} | blocks
    return Architecture(layers, depth, window=None)


def updated_layers(architecture: Architecture, targets: Iterable[str]) -> dict[str, Shape]:
    """The layers that get an update, as peft matches them."""
    wanted = tuple(targets)
    ends = tuple(f".{target}" for target in wanted)
    layers = architecture.layers.items()
    return {name: shape for name, shape in layers if name in wanted or name.endswith(ends)}


def unknown_targets(architecture: Architecture, base: str, targets: Sequence[str]) -> Iterator[str]:
    """Targets of an adapter that are no layers of a base, which peft would ignore, and why."""
    last_names = {name.rpartition(".")[2] for name in architecture.layers}
    for target in targets:
        if not updated_layers(architecture, [target]):
            hint = nearest(target, {name for name in last_names if not name.isdecimal()})
            yield f"target_modules: {target} is no linear layer of {base}{hint}"


def _layers(path: Path) -> Iterator[tuple[str, Shape]]:
    """Modules with a matrix of weights: linear layers and embeddings."""
    try:
        with safe_open(path, framework="numpy") as file:
            for key in file.keys():  # noqa: SIM118 - not a mapping
                module, _, part = key.rpartition(".")
                if part == "weight" and len(shape := file.get_slice(key).get_shape()) == 2:
                    plain = file.get_slice(key).get_dtype() in PLAIN_TYPES
                    yield module, (shape[0], shape[1]) if plain else None
    except SafetensorError as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{path}: not a whole safetensors file ({reason})") from None


def _number(config: Mapping[str, Any], names: Iterable[str]) -> int | None:
    found = (config[name] for name in names if isinstance(config.get(name), int))
    return next(found, None)
