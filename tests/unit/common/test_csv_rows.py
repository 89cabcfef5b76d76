"""Reading CSV files: rows that would overwrite each other are told."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from support.project import RESOURCES

from ecslm.common.csv_rows import read_csv
from ecslm.common.errors import InputError
from ecslm.data.published import read_counts
from ecslm.estimates.devices import read_devices
from ecslm.estimates.lengths import read_lengths
from ecslm.figures.sizes import read_sizes
from ecslm.models.architecture import read_architectures
from ecslm.tables.kinds.parameters import read_printed

READERS: dict[str, Callable[[Path], object]] = {
    "architectures.csv": read_architectures,
    "devices.csv": read_devices,
    "lengths.csv": read_lengths,
    "published/counts.csv": read_counts,
    "published/parameters.csv": read_printed,
    "published/sizes.csv": read_sizes,
}


@pytest.mark.parametrize(("name", "read"), READERS.items(), ids=READERS)
def test_a_row_that_would_hide_another_of_its_name_is_refused(
    name: str, read: Callable[[Path], object], tmp_path: Path
) -> None:
    lines = (RESOURCES / name).read_text(encoding="utf-8").splitlines()
    path = tmp_path / "rows.csv"
    path.write_text("\n".join([*lines, lines[1]]))
    words = f"{path}: line {len(lines) + 1}: .*: duplicates an earlier line"
    with pytest.raises(InputError, match=words):
        read(path)


def test_rows_may_lack_a_name(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("model,hub_id\nA,\nB,\nC,x\n")
    assert len(read_csv(path, (), ("model",), ("hub_id",))) == 3
    path.write_text("model,hub_id\nA,x\nB,x\n")
    with pytest.raises(InputError, match=re.escape("line 3: x: duplicates an earlier line")):
        read_csv(path, (), ("model",), ("hub_id",))
