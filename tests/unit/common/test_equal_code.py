"""Records of code that was shown to compute equal bytes."""

from pathlib import Path

import pytest

from ecslm.common.equal_code import (
    Equal,
    Evidence,
    Pair,
    equivalents,
    record_equal,
    representative,
    stands_for,
)
from ecslm.common.errors import InputError


def pair(code: int, version: str = "1.0") -> Pair:
    return Pair(code=f"code:{code}", versions={"torch": version})


def record(new: Pair, standing: Pair) -> Path:
    shown = Evidence(job="a/manifest.json", key="0" * 64, files={"a": "1" * 64})
    return record_equal(Equal(new=new, representative=standing, evidence=(shown,)))


pytestmark = pytest.mark.usefixtures("empty_folder")


def test_a_pair_stands_for_itself_until_another_was_recorded_and_again_once_it_is_removed() -> None:
    assert representative(pair(2)) == pair(2)
    path = record(pair(2), pair(1))
    assert representative(pair(2)) == pair(1)
    # Neither of other versions nor of other code.
    for other in (pair(2, "1.1"), pair(1, "1.1"), pair(3)):
        assert representative(other) == other
    assert equivalents(pair(2)) == [pair(1)]
    assert equivalents(pair(1)) == [pair(2)]
    assert stands_for("code:1", "code:2")
    assert not stands_for("code:2", "code:1")
    path.unlink()
    assert representative(pair(2)) == pair(2)
    assert equivalents(pair(1)) == []


@pytest.mark.parametrize(("new", "standing"), [(2, 0), (1, 0)])
def test_two_representatives_are_refused(new: int, standing: int) -> None:
    path = record(pair(2), pair(1))
    with pytest.raises(InputError, match=rf"{path}: .*--revoke {path.stem}"):
        record(pair(new), pair(standing))
    assert representative(pair(2)) == pair(1)


def test_an_altered_record_is_refused() -> None:
    path = record(pair(2), pair(1))
    assert representative(pair(2)) == pair(1)
    path.write_text(path.read_text().replace("code:1", "code:77"))
    with pytest.raises(InputError, match=f"{path}: altered: `rm {path}`"):
        representative(pair(2))
