"""Values of a given form, and rows of CSV files."""

from pathlib import Path

import pytest
from pydantic import BaseModel, ConfigDict, Field

from ecslm.common.errors import InputError
from ecslm.common.files import read_csv, validated


class Count(BaseModel):
    model_config = ConfigDict(extra="forbid")

    task: str
    records: int = Field(ge=1)


def test_each_problem_names_the_place_and_the_field(tmp_path: Path) -> None:
    path = tmp_path / "counts.csv"
    wrong = [
        {"records": "x", "set": 1},
        {"task": "PM", "records": None},
        {"task": "", "records": 0},
    ]
    with pytest.raises(InputError) as caught:
        validated(list[Count], wrong, path, 4)
    assert caught.value.problems == (
        f"{path}: line 4: 0.task: missing",
        f"{path}: line 4: 0.records: should be a valid integer, unable to parse string "
        "as an integer, not 'x'",
        f"{path}: line 4: 0.set: unknown key",
        f"{path}: line 4: 1.records: should be a valid integer, but is empty",
        f"{path}: line 4: 2.records: should be greater than or equal to 1, not 0",
    )


def test_rows_may_lack_a_name(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("model,hub_id\nA,\nB,\nC,x\nD,x\n")
    assert len(read_csv(path, (), ("model",), ("model", "hub_id"))) == 4
    with pytest.raises(InputError, match="line 5: x: duplicates an earlier line"):
        read_csv(path, (), ("model",), ("hub_id",))
