"""What a base's files tell of it, and adapters that do not fit."""

import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file
from support.project import RESOURCES, SCRIPTS

from ecslm.common.errors import InputError
from ecslm.models.architecture import (
    Architecture,
    adapter_problems,
    llama_architecture,
    read_architecture,
    read_architectures,
    readable_tokens,
    require_adaptable,
    updated_layers,
)

ALL = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj", "lm_head")


@pytest.fixture(scope="module")
def tiny(tiny_model: Path) -> Architecture:
    return read_architecture(tiny_model)


def problems(architecture: Architecture, rank: int, *targets: str) -> list[tuple[str, str]]:
    return list(adapter_problems(architecture, "Tiny", rank, targets))


def write_model(folder: Path, config: dict[str, Any], **shapes: tuple[int, ...]) -> Path:
    """A model directory with weights of these shapes; a dot is written as two underscores."""
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config))
    weights = {name.replace("__", "."): np.zeros(shape) for name, shape in shapes.items()}
    save_file(weights, folder / "model.safetensors")
    return folder


def test_the_layers_of_a_model_are_those_that_peft_can_update(
    tiny: Architecture, tiny_model: Path
) -> None:
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(tiny_model)
    adapted = get_peft_model(model, LoraConfig(r=1, target_modules=list(ALL)))
    updated = {
        name.removeprefix("base_model.model."): tuple(module.base_layer.weight.shape)
        for name, module in adapted.named_modules()
        if hasattr(module, "base_layer")
    }
    assert updated_layers(tiny, ALL) == updated
    assert len(updated) == 2 * 7 + 1


@pytest.mark.parametrize(
    ("target", "hint"),
    [
        ("q_prj", ": did you mean `q_proj`?"),
        # A part of a name, a block of layers, a layer without a matrix.
        ("proj", ""),
        ("input_layernorm", ""),
    ],
)
def test_a_name_that_is_no_linear_layer_is_told_with_the_nearest_one(
    tiny: Architecture, target: str, hint: str
) -> None:
    ((field, problem),) = problems(tiny, 4, "v_proj", target)
    assert field == "target_modules"
    assert problem.startswith(f"{target} is no linear layer of Tiny: ")
    assert hint in problem


def test_a_rank_above_the_smaller_side_of_a_layer_is_told(tiny: Architecture) -> None:
    """Keys of the tiny model have 32 rows, the other layers 64 and more."""
    assert problems(tiny, 64, "q_proj", "lm_head", "down_proj") == []
    ((field, problem),) = problems(tiny, 33, *ALL)
    assert field == "rank"
    assert "k_proj of Tiny, which has 32 x 64 weights: at most 32" in problem
    assert len(problems(tiny, 65, "q_proj", "q_prj", "l_m_head")) == 3


def test_training_refuses_each_unknown_layer_in_a_line(tiny_model: Path) -> None:
    """peft ignores them."""
    require_adaptable(tiny_model, "Tiny", 4, ALL, 10_000)
    with pytest.raises(InputError) as caught:
        require_adaptable(tiny_model, "Tiny", 99, ("q_prj", "k_proj"), 10_000)
    first, second = caught.value.problems
    assert first.startswith("training: target_modules: q_prj is no linear layer of Tiny")
    assert second.startswith("training: rank: 99 is more than")


LEARNED, ROTARY = ({"wpe__weight": (100, 4)}, {"rope__weight": (100, 4)})


def with_window(folder: Path, window: int | None, learned: bool) -> Path:
    config = {} if window is None else {"n_positions": window}
    return write_model(folder, config, q_proj__weight=(4, 4), **(LEARNED if learned else ROTARY))


def test_training_refuses_records_that_the_base_has_no_positions_for(tmp_path: Path) -> None:
    folder = with_window(tmp_path, 100, learned=True)
    require_adaptable(folder, "Tiny", 4, ["q_proj"], 100)
    with pytest.raises(InputError) as caught:
        require_adaptable(folder, "Tiny", 4, ["q_proj"], 101)
    assert caught.value.problems == (
        "training: max_length: 101, but Tiny has 100 positions: at most 100",
    )


@pytest.mark.parametrize(
    ("window", "learned", "trained", "read"),
    [
        (None, False, None, 500),
        (100, False, None, 100),
        (100, False, 300, 300),
        (100, False, 50, 100),
        (100, False, 900, 500),
        (100, True, 300, 100),
        (900, True, None, 500),
    ],
)
def test_a_model_reads_what_its_base_or_its_adapter_was_trained_on(
    tmp_path: Path, window: int | None, learned: bool, trained: int | None, read: int
) -> None:
    architecture = read_architecture(with_window(tmp_path, window, learned))
    assert readable_tokens(architecture, 500, trained) == read


def test_a_head_that_is_not_tied_needs_weights(tmp_path: Path) -> None:
    untied = read_architecture(
        write_model(tmp_path, {"tie_word_embeddings": False}, q_proj__weight=(4, 4))
    )
    assert [field for field, _ in problems(untied, 1, "lm_head")] == ["target_modules"]


@pytest.mark.parametrize(
    ("config", "depth", "window"),
    [
        ({"n_layer": 12, "n_positions": 1024}, 12, 1024),
        ({"text_config": {"num_hidden_layers": 3, "max_position_embeddings": 8}}, 3, 8),
        ({}, None, None),
        ({"num_hidden_layers": 2, "max_position_embeddings": 4096}, 2, 4096),
    ],
)
def test_other_names_of_depth_and_window_are_known(
    tmp_path: Path, config: dict[str, Any], depth: int | None, window: int | None
) -> None:
    found = read_architecture(write_model(tmp_path, config, transformer__wpe__weight=(8, 4)))
    assert (found.depth, found.window, found.learned_positions) == (depth, window, True)


def spoilt(folder: Path, name: str, content: bytes) -> Path:
    (folder / name).write_bytes(content)
    return folder


@pytest.mark.parametrize("content", [b"", b"\xff" * 64])
def test_damaged_weights_are_told_in_a_line(
    tiny_model: Path, tmp_path: Path, content: bytes
) -> None:
    folder = tmp_path / "model"
    shutil.copytree(tiny_model, folder)
    with pytest.raises(InputError, match=r"model\.safetensors: not a whole safetensors file") as e:
        read_architecture(spoilt(folder, "model.safetensors", content))
    assert len(e.value.problems) == 1


def test_the_rows_of_the_table_are_llama_models_with_these_layers() -> None:
    """The counts of the weights are those of the table `parameters`, which builds the models."""
    rows = read_architectures(RESOURCES / "architectures.csv")
    known = llama_architecture(rows["SmolLM2-135M"])
    assert rows["HuggingFaceTB/SmolLM2-135M-Instruct"] is rows["SmolLM2-135M"]
    assert problems(known, 192, *ALL) == []
    assert known.depth == 30
    layers = {name: shape for name, shape in known.layers.items() if name != "lm_head"}
    # The remaining weights are those of two norms a layer and one at the end.
    assert sum(rows * columns for rows, columns in filter(None, layers.values())) == (
        134_515_008 - 61 * 576
    )


def loaded(statements: str) -> Sequence[str]:
    done = subprocess.run(
        [sys.executable, "-c", f"{statements}; import sys; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
        cwd=SCRIPTS,
    )
    return done.stdout.split()


def test_reading_an_architecture_loads_no_torch(tiny_model: Path) -> None:
    read = f"read_architecture(Path({str(tiny_model)!r}))"
    modules = loaded(
        f"from pathlib import Path; from ecslm.models.architecture import read_architecture; {read}"
    )
    assert not {"torch", "transformers"}.intersection(modules)
