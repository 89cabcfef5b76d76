"""What a base's files tell of it, and adapters that do not fit."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file
from support.project import RESOURCES, SCRIPTS

from ecslm.common.errors import InputError
from ecslm.models import architecture
from ecslm.models.architecture import Architecture

ALL = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj", "lm_head")


@pytest.fixture(scope="module")
def tiny(tiny_model: Path) -> Architecture:
    return architecture.read_architecture(tiny_model)


def write_model(folder: Path, config: dict[str, Any], **shapes: tuple[int, ...]) -> Architecture:
    """A model of weights of these shapes; a dot is written as two underscores."""
    (folder / "config.json").write_text(json.dumps(config))
    weights = {name.replace("__", "."): np.zeros(shape) for name, shape in shapes.items()}
    save_file(weights, folder / "model.safetensors")
    return architecture.read_architecture(folder)


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
    assert architecture.updated_layers(tiny, ALL) == updated
    assert len(updated) == 2 * 7 + 1


def test_a_name_that_is_no_linear_layer_is_told_with_the_nearest_one(
    tiny: Architecture, tmp_path: Path
) -> None:
    # A misspelt name; a part of one, a layer without a matrix.
    for target, hint in {
        "q_prj": "did you mean `q_proj`?",
        "proj": "",
        "input_layernorm": "",
    }.items():
        (line,) = architecture.unknown_targets(tiny, "Tiny", ["v_proj", target])
        assert line.startswith(f"target_modules: {target} is no linear layer of Tiny: {hint}")
    # A head that is not tied needs weights.
    untied = write_model(tmp_path, {"tie_word_embeddings": False}, q_proj__weight=(4, 4))
    (line,) = architecture.unknown_targets(untied, "Tiny", ["lm_head"])
    assert line.startswith("target_modules: ")


def test_a_model_reads_what_its_base_or_its_adapter_was_trained_on() -> None:
    for window, trained, read in (
        *((None, None, 500), (100, None, 100), (100, 300, 300), (100, 50, 100)),
        *((100, 900, 500), (900, None, 500)),
    ):
        assert architecture.readable_tokens(Architecture({}, None, window), 500, trained) == read


def test_other_names_of_depth_and_window_are_known(tmp_path: Path) -> None:
    for config, expected in (
        ({"n_layer": 12, "n_positions": 1024}, (12, 1024)),
        ({}, (None, None)),
    ):
        found = write_model(tmp_path, config, transformer__wpe__weight=(8, 4))
        assert (found.depth, found.window) == expected


@pytest.mark.parametrize("content", [b"", b"\xff" * 64])
def test_damaged_weights_are_told_in_a_line(tmp_path: Path, content: bytes) -> None:
    write_model(tmp_path, {}, q_proj__weight=(4, 4))
    (tmp_path / "model.safetensors").write_bytes(content)
    with pytest.raises(InputError, match=r"model\.safetensors: not a whole safetensors file") as e:
        architecture.read_architecture(tmp_path)
    assert len(e.value.problems) == 1


def test_the_rows_of_the_table_are_llama_models_with_these_layers() -> None:
    """The counts of the weights are those of the table `parameters`."""
    rows = architecture.read_architectures(RESOURCES / "architectures.csv")
    known = architecture.llama_architecture(rows["SmolLM2-135M"])
    assert rows["HuggingFaceTB/SmolLM2-135M-Instruct"] is rows["SmolLM2-135M"]
    assert [*architecture.unknown_targets(known, "SmolLM2-135M", ALL)] == []
    assert known.depth == 30
    assert known.layers["lm_head"] == (49_152, 576)
    layers = {name: shape for name, shape in known.layers.items() if name != "lm_head"}
    # The remaining weights are those of two norms a layer and one at the end.
    assert sum(rows * columns for rows, columns in filter(None, layers.values())) == (
        134_515_008 - 61 * 576
    )


def test_reading_an_architecture_loads_no_torch(tiny_model: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from ecslm.models.architecture import "
        f"read_architecture; read_architecture(Path({str(tiny_model)!r})); "
        "sys.exit(bool({'torch', 'transformers'} & set(sys.modules)))"
    )
    subprocess.run([sys.executable, "-c", program], check=True, cwd=SCRIPTS)
