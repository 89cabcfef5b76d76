"""Values of a given form, and rows of CSV files."""

import math
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field

from ecslm.common.errors import InputError
from ecslm.common.files import read_csv, validated
from ecslm.models.bases import BaseSettings
from ecslm.prediction.openai_settings import OpenAISettings
from ecslm.scoring.settings import ScoringSettings
from ecslm.training.settings import TrainingSettings


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
        f"{path}: line 4: 0.records: should be a whole number, not 'x'",
        f"{path}: line 4: 0.set: unknown key",
        f"{path}: line 4: 1.records: should be a whole number, but is empty",
        f"{path}: line 4: 2.records: should be at least 1, not 0",
    )


FORMS = (ScoringSettings, TrainingSettings, OpenAISettings, BaseSettings)
WRONG = st.sampled_from([None, "x", "", 3, -1, 0.5, 10**400, math.inf, True, [], [3], {}, {"x": 1}])
# Of pydantic, for developers.
FOREIGN = re.compile(r"[iI]nput|instance|valid |unable|permitted|required|got a|dictionary|greater")


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.__name__)
def test_whatever_is_wrong_is_told_in_words_for_those_who_write_settings(
    form: type[BaseModel],
) -> None:
    @given(st.dictionaries(st.sampled_from([*form.model_fields, "x"]), WRONG | st.lists(WRONG)))
    def check(value: dict[str, object]) -> None:
        try:
            validated(form, value, "--settings")
        except InputError as error:
            assert not [line for line in error.problems if FOREIGN.search(line)]

    check()


def test_rows_may_lack_a_name(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("model,hub_id\nA,\nB,\nC,x\nD,x\n")
    assert len(read_csv(path, (), ("model",), ("model", "hub_id"))) == 4
    with pytest.raises(InputError, match="line 5: x: duplicates an earlier line"):
        read_csv(path, (), ("model",), ("hub_id",))
