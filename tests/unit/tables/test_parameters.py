"""Parameters tables: counts that are exactly those of the models."""

from pathlib import Path
from typing import Any

from support.project import RESOURCES
from support.study_tables import planned
from support.table_files import built, cells, request, shown

from ecslm.estimates.sizes import sizes_of_row
from ecslm.models.architecture import read_architectures
from ecslm.plan.tables import table_settings
from ecslm.tables.model import Cell

ARCHITECTURES = RESOURCES / "architectures.csv"
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
        assert wanted.table.files == (), "they need neither data nor models"
        table = built(wanted, tmp_path, published=printed)
        found |= cells(table)
        without = cells(built(wanted, tmp_path))
        assert {tuple(row) for row in without.values()} == {("total", "trainable", "share")}
    for name, (total, trainable, share, published) in EXPECTED.items():
        row = found[name]
        assert (row["total"].value, row["trainable"].value) == (total, trainable)
        assert (row["share"].shown, row["published"].shown) == (share, published)


def test_an_untied_head_counts_for_itself_and_whether_it_is_adapted() -> None:
    row = read_architectures(ARCHITECTURES)["Llama-3.2-3B"]
    tied, untied = (sizes_of_row(row | {"tie_word_embeddings": x}) for x in ("true", "false"))
    hidden, vocabulary = 3072, 128_256
    assert untied.parameters - tied.parameters == hidden * vocabulary
    # Two matrices of rank 5.
    assert untied.updates(5, ("lm_head",)) == (5 * (hidden + vocabulary), 0)


def test_an_unknown_architecture_is_missing_and_named(tmp_path: Path) -> None:
    models: dict[str, dict[str, Any]] = {"Gemma-EC": {}}
    table = built(request({"kind": "parameters", "models": [*models]}, models=models), tmp_path)
    assert shown(table) == {"Gemma-EC": ["--"] * 3}
    assert table.notes[-1].endswith("architectures.csv: the architecture of Gemma-EC.")
