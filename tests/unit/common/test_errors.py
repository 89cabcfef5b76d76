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


def test_a_key_names_one_row(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("model,size\nA,1\nB,2\nA,2\nA,1\n")
    assert len(read_csv(path, ("size",))) == 4
    with pytest.raises(InputError, match="line 5: A, 1: duplicates an earlier line"):
        read_csv(path, (), ("model", "size"))
