"""Values of a given form."""

from dataclasses import dataclass
from pathlib import Path

import pytest
from pydantic import BaseModel, ConfigDict

from ecslm.common.errors import InputError
from ecslm.common.files import write_json
from ecslm.common.validation import read_model, validated, validated_json


class Count(BaseModel):
    model_config = ConfigDict(extra="forbid")

    task: str
    records: int


@dataclass(frozen=True)
class Sized:
    """Another type that pydantic knows."""

    name: str
    sizes: tuple[int, ...]


def problems_of(*arguments: object) -> tuple[str, ...]:
    with pytest.raises(InputError) as caught:
        validated(*arguments)
    return caught.value.problems


def test_a_value_of_the_form_is_given_as_it() -> None:
    assert validated(Count, {"task": "PM", "records": "3"}, "x") == Count(task="PM", records=3)
    assert validated(Sized, {"name": "a", "sizes": [1]}, "x") == Sized("a", (1,))
    assert validated(list[Count], [{"task": "PM", "records": 3}], "x")[0].records == 3


def test_each_problem_names_the_place_and_the_field(tmp_path: Path) -> None:
    path = tmp_path / "counts.csv"
    assert problems_of(Count, {"records": "x", "set": 1}, path, 4) == (
        f"{path}: line 4: task: field required",
        f"{path}: line 4: records: input should be a valid integer, unable to parse string as an "
        "integer",
        f"{path}: line 4: set: extra inputs are not permitted",
    )
    assert problems_of(list[Count], [{"task": "PM", "records": None}], "--counts") == (
        "--counts: 0.records: input should be a valid integer",
    )


def test_json_text_is_validated_and_named_when_it_is_broken() -> None:
    assert validated_json(Count, '{"task": "PM", "records": 3}', "x").records == 3
    with pytest.raises(InputError, match=r"^--count: invalid JSON"):
        validated_json(Count, "{", "--count")


def test_the_content_of_a_file_is_validated(tmp_path: Path) -> None:
    path = tmp_path / "count.json"
    write_json(path, {"task": "PM", "records": 3})
    assert read_model(path, Count) == Count(task="PM", records=3)
    write_json(path, {"task": "PM"})
    with pytest.raises(InputError, match=rf"^{path}: records: field required$"):
        read_model(path, Count)
