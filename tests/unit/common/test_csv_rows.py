"""Reading CSV files: rows that would overwrite each other are told."""

import re
from pathlib import Path

import pytest

from ecslm.common.csv_rows import read_csv
from ecslm.common.errors import InputError


def test_rows_may_lack_a_name(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("model,hub_id\nA,\nB,\nC,x\n")
    assert len(read_csv(path, (), ("model",), ("hub_id",))) == 3
    path.write_text("model,hub_id\nA,x\nB,x\n")
    with pytest.raises(InputError, match=re.escape("line 3: x: duplicates an earlier line")):
        read_csv(path, (), ("model",), ("hub_id",))
