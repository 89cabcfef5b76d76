import warnings
from pathlib import Path

import pytest
from ecslm.tables.sources import Sources
from support.project import RESOURCES
from support.table_files import request

from ecslm.common.errors import InputError
from ecslm.models.architecture import SIZES, read_architectures
from ecslm.models.parameter_counts import count_adapter, count_base
from ecslm.tables.kind import TableRequest
from ecslm.tables.kinds.parameters import ParametersEntry, build
from ecslm.tables.settings import DataContext

MODULES = [
    *("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj", "lm_head")
]
EXPECTED = {
    "SmolLM2-135M-EC": (134_515_008, 5_680_128),
    "SmolLM-360M-EC": (361_821_120, 9_485_312),
    "SmolLM2-360M-EC": (361_821_120, 9_485_312),
    "SmolLM-1.7B-EC": (1_711_376_384, 18_907_136),
    "SmolLM2-1.7B-EC": (1_711_376_384, 18_907_136),
    "Llama-3.2-1B-EC": (1_235_814_400, 13_357_056),
    "Llama-3.2-3B-EC": (3_212_749_824, 26_415_104),
}


def parameters_request(names: list[str]) -> TableRequest[ParametersEntry]:
    models = {
        name: {
            "adapter": {
                "architecture": name.removesuffix("-EC"),
                "rank": 16,
                "target_modules": MODULES,
            }
        }
        for name in names
    }
    return request({"kind": "parameters", "models": names}, models=models)


def sources(tmp_path: Path) -> Sources:
    return Sources(
        tmp_path,
        {
            "published": RESOURCES / "published/parameters.csv",
            "architectures": RESOURCES / "architectures.csv",
        },
    )


def test_the_counts_are_exactly_those_of_the_architectures(tmp_path: Path) -> None:
    table = build("parameters", parameters_request(list(EXPECTED)), sources(tmp_path))
    rows = table.panels[0].groups[0].rows
    assert {row.name: (row.cells[0].value, row.cells[1].value) for row in rows} == EXPECTED
    assert [row.cells[2].shown for row in rows][:2] == ["4.22", "2.62"]
    assert "in per cent of that total" in table.notes[0]
    assert [row.cells[3].shown for row in rows] == [
        *("--", "9.4M", "9.4M", "19M", "19M", "13M", "26.4M")
    ]


@pytest.mark.parametrize("tied", ["true", "false"])
@pytest.mark.parametrize("modules", [MODULES, ["q_proj", "v_proj"], ["embed_tokens", "up_proj"]])
def test_the_counts_are_those_of_a_model_with_peft(tied: str, modules: list[str]) -> None:
    row = read_architectures(RESOURCES / "architectures.csv")["Llama-3.2-3B"]
    row |= {"num_hidden_layers": "3", "tie_word_embeddings": tied}
    assert (count_base(row), count_adapter(row, 5, modules)) == built(row, 5, modules)


def built(row: dict[str, str], rank: int, modules: list[str]) -> tuple[int, int]:
    """Counts of the model itself, on torch's meta device: without memory."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        **{size: int(row[size]) for size in SIZES},
        tie_word_embeddings=row["tie_word_embeddings"] == "true",
    )
    with torch.device("meta"), warnings.catch_warnings():
        # peft warns of merging an adapted tied head; nothing is merged here.
        warnings.simplefilter("ignore")
        model = LlamaForCausalLM(config)
        base = sum(one.numel() for one in model.parameters())
        lora = LoraConfig(
            r=rank,
            target_modules=modules,
            task_type="CAUSAL_LM",
        )
        tuned = get_peft_model(model, lora).parameters()
    return base, sum(one.numel() for one in tuned if one.requires_grad)


def test_an_unknown_architecture_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"has no architecture Gemma \(of Gemma-EC\)"):
        build("parameters", parameters_request(["Gemma-EC"]), sources(tmp_path))


def test_the_request_knows_nothing_of_the_data() -> None:
    wanted = parameters_request(["SmolLM2-360M-EC"])
    assert wanted.context.data == DataContext()
    assert not wanted.context.tasks
