"""Parameters tables: counts that are exactly those of the models."""

import warnings
from pathlib import Path
from typing import Any

from support.project import RESOURCES
from support.study_tables import planned
from support.table_files import built, cells, request, shown

from ecslm.models.architecture import SIZES, count_adapter, count_base, read_architectures
from ecslm.plan.tables import table_settings
from ecslm.tables.model import Cell

ARCHITECTURES = RESOURCES / "architectures.csv"
MODULES = [f"{one}_proj" for one in ("q", "k", "v", "o", "gate", "up", "down")] + ["lm_head"]
EXPECTED = {
    "SmolLM2-135M-EC": (134_515_008, 5_680_128, "4.22", "--"),
    "SmolLM-360M-EC": (361_821_120, 9_485_312, "2.62", "9.4M"),
    "SmolLM2-360M-EC": (361_821_120, 9_485_312, "2.62", "9.4M"),
    "SmolLM-1.7B-EC": (1_711_376_384, 18_907_136, "1.10", "19M"),
    "SmolLM2-1.7B-EC": (1_711_376_384, 18_907_136, "1.10", "19M"),
    "Llama-3.2-1B-EC": (1_235_814_400, 13_357_056, "1.08", "13M"),
    "Llama-3.2-3B-EC": (3_212_749_824, 26_415_104, "0.82", "26.4M"),
}


def test_the_counts_are_exactly_those_of_the_architectures(tmp_path: Path) -> None:
    printed, found = RESOURCES / "published/parameters.csv", dict[str, dict[str, Cell]]()
    for study in ("demo", "paper"):
        wanted = table_settings(planned(study), "parameters")
        assert wanted.table.files(wanted.context) == [], "they need neither data nor models"
        table = built(wanted, tmp_path, published=printed)
        found |= cells(table)
        without = cells(built(wanted, tmp_path))
        assert {tuple(row) for row in without.values()} == {("total", "trainable", "share")}
    for name, (total, trainable, share, published) in EXPECTED.items():
        row = found[name]
        assert (row["total"].value, row["trainable"].value) == (total, trainable)
        assert (row["share"].shown, row["published"].shown) == (share, published)


def test_the_counts_are_those_of_a_model_with_peft() -> None:
    row = read_architectures(ARCHITECTURES)["Llama-3.2-3B"] | {"num_hidden_layers": "2"}
    for tied, modules in (("true", MODULES), ("false", ["embed_tokens", "up_proj"])):
        row["tie_word_embeddings"] = tied
        assert (count_base(row), count_adapter(row, 5, modules)) == with_peft(row, 5, modules)


def with_peft(row: dict[str, str], rank: int, modules: list[str]) -> tuple[int, int]:
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
        lora = LoraConfig(r=rank, target_modules=modules, task_type="CAUSAL_LM")
        tuned = get_peft_model(model, lora).parameters()
    return base, sum(one.numel() for one in tuned if one.requires_grad)


def test_an_unknown_architecture_is_missing_and_named(tmp_path: Path) -> None:
    models: dict[str, dict[str, Any]] = {"Gemma-EC": {}}
    table = built(request({"kind": "parameters", "models": [*models]}, models=models), tmp_path)
    assert shown(table) == {"Gemma-EC": ["--"] * 3}
    assert table.notes[-1].endswith("architectures.csv: the architecture of Gemma-EC.")
