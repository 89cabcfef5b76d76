"""Records without a split are divided by their input."""

import unicodedata
from itertools import chain
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from support.raw_rows import Row, lines, row, write

from ecslm.common.errors import InputError
from ecslm.data.settings import PathData, Shares
from ecslm.data.source import open_rows

SHARES = Shares(val=0.1, test=0.3)


def own_rows(count: int) -> list[Row]:
    """Rows as a user writes them: without a split and a setting."""
    own = ("task", "instruction", "input", "output")
    return [{name: row("PM", "", n)[name] for name in own} for n in range(count)]


def sides(folder: Path, rows: list[Row], shares: Shares | None = SHARES) -> dict[str, list[str]]:
    """The inputs of each split of a file."""
    path = write(folder, lines(rows))
    source = PathData(source="path", path=str(path), split=shares)
    index = open_rows(source, folder / "cache")
    return {part.split: [row["input"] for _, row in index.rows([part])] for part in index.parts}


def test_records_are_divided_by_the_shares_and_none_is_lost(tmp_path: Path) -> None:
    rows = own_rows(2000)
    found = sides(tmp_path, rows)
    assert sorted(chain(*found.values())) == sorted(one["input"] for one in rows)
    counts = {split: len(inputs) for split, inputs in found.items()}
    assert counts == pytest.approx({"train": 1200, "val": 200, "test": 600}, abs=60)


def test_a_record_stays_on_its_side_when_others_or_shares_change(tmp_path: Path) -> None:
    rows = own_rows(60)
    before, after = sides(tmp_path, rows[:30]), sides(tmp_path, rows[::-1])
    assert all(set(before[split]) <= set(after[split]) for split in before)
    larger = sides(tmp_path, rows, Shares(val=0.1, test=0.5))
    assert set(after["test"]) < set(larger["test"])
    assert set(sides(tmp_path, rows, None)) == {"test"}
    found = [SHARES.split_of({"input": f"record {number}"}) for number in range(8)]
    # As older versions divided them.
    assert found == ["train", "test", "val", "train", "train", "test", "train", "test"]


FORMS = [str.upper, str.title, lambda text: f" {text}\n"]


@given(st.text(st.characters(max_codepoint=0x3FF)), st.sampled_from(FORMS))
def test_case_spaces_and_the_encoding_of_accents_do_not_part_what_is_the_same(text, form) -> None:  # type: ignore[no-untyped-def]
    forms = [unicodedata.normalize(name, text) for name in ("NFC", "NFD")]
    if form(text).casefold().split() == text.casefold().split():
        forms.append(form(text))
    assert len({SHARES.split_of({"input": one}) for one in (text, *forms)}) == 1


def test_rows_that_say_their_split_are_not_divided_again(tmp_path: Path) -> None:
    said = own_rows(1)[0] | {"split": "train"}
    for rows, line in (([said], 1), ([*own_rows(2), said], 3)):
        with pytest.raises(InputError, match=rf"^rows.jsonl: line {line}: has .?split"):
            sides(tmp_path, rows)


def test_shares_that_leave_nothing_to_train_on_are_refused() -> None:
    with pytest.raises(ValidationError, match="leave a share to train on"):
        Shares(val=0.5, test=0.5)
