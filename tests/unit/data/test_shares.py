"""Records without a split are divided by their input."""

import json
import re
import unicodedata
from itertools import chain
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from support.raw_rows import Row, lines, row, write

from ecslm.common.errors import InputError
from ecslm.data.settings import PathData
from ecslm.data.shares import Shares
from ecslm.data.sources.index import IndexedRows
from ecslm.data.sources.path import open_rows

SHARES = Shares(val=0.1, test=0.3)


def own_rows(count: int) -> list[Row]:
    """Rows as a user writes them: without a split and a setting."""
    return [
        {name: text for name, text in row("PM", "", number).items() if name in ("task", *TEXTS)}
        for number in range(count)
    ]


TEXTS = ("instruction", "input", "output")


def opened(folder: Path, rows: list[Row], shares: Shares | None = SHARES) -> IndexedRows:
    path = write(folder, lines(rows))
    return open_rows(PathData(source="path", path=str(path), split=shares), folder / "cache")


def sides(index: IndexedRows) -> dict[str, list[str]]:
    return {part.split: [row["input"] for _, row in index.rows([part])] for part in index.parts()}


def test_records_are_divided_by_the_shares_and_none_is_lost(tmp_path: Path) -> None:
    rows = own_rows(2000)
    found = sides(opened(tmp_path, rows))
    assert sorted(chain(*found.values())) == sorted(one["input"] for one in rows)
    counts = {split: len(inputs) for split, inputs in found.items()}
    assert counts == pytest.approx({"train": 1200, "val": 200, "test": 600}, abs=60)


def test_a_record_stays_on_its_side_when_others_are_added_or_move(tmp_path: Path) -> None:
    rows = own_rows(60)
    before = sides(opened(tmp_path, rows[:30]))
    after = sides(opened(tmp_path, rows[::-1]))
    assert all(set(before[split]) <= set(after[split]) for split in before)


def test_other_shares_divide_the_same_file_anew(tmp_path: Path) -> None:
    rows = own_rows(60)
    assert set(sides(opened(tmp_path, rows, None))) == {"test"}
    before = sides(opened(tmp_path, rows))
    after = sides(opened(tmp_path, rows, Shares(val=0.1, test=0.5)))
    assert set(before["test"]) < set(after["test"])
    assert sides(opened(tmp_path, rows)) == before


@given(st.text(), st.sampled_from([str.upper, lambda text: f" {text}\n", str.title]))
def test_case_and_spaces_do_not_part_what_is_the_same(text, change) -> None:  # type: ignore[no-untyped-def]
    if change(text).casefold().split() == text.casefold().split():
        assert SHARES.split_of({"input": change(text)}) == SHARES.split_of({"input": text})


@given(st.text(st.characters(max_codepoint=0x3FF)))
def test_the_encoding_of_accents_does_not_part_what_looks_the_same(text: str) -> None:
    forms = {unicodedata.normalize(form, text) for form in ("NFC", "NFD")}
    assert len({SHARES.split_of({"input": form}) for form in forms}) == 1


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=8,
)


@given(st.lists(VALUES) | st.dictionaries(st.text(max_size=5), VALUES))
def test_the_writing_of_json_does_not_part_what_is_the_same(value: object) -> None:
    forms = [
        json.dumps(value, ensure_ascii=ascii_only, indent=indent, separators=separators)
        for ascii_only in (False, True)
        for indent in (None, 2)
        for separators in (None, (",", ":"), (" , ", " : "))
    ]
    forms += [
        re.sub(r"(?<!\\)\\u[0-9a-f]{4}", lambda escape: upper(escape[0]), one) for one in forms
    ]
    assert len({SHARES.split_of({"input": form}) for form in forms}) == 1


def upper(escape: str) -> str:
    """`\\u00e9` as `\\u00E9`."""
    return escape[:2] + escape[2:].upper()


def test_a_record_is_on_the_side_that_older_versions_gave_it() -> None:
    sides = [SHARES.split_of({"input": f"record {number}"}) for number in range(8)]
    assert sides == ["train", "test", "val", "train", "train", "test", "train", "test"]


def test_rows_that_say_their_split_are_not_divided_again(tmp_path: Path) -> None:
    said = own_rows(1)[0] | {"split": "train"}
    for rows, line in (([said], 1), ([*own_rows(2), said], 3)):
        with pytest.raises(InputError, match=rf"^rows.jsonl: line {line}: has .?split"):
            opened(tmp_path, rows)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"split": {"val": 0.5, "test": 0.5}}, "leave a share to train on"),
        ({"split": {"val": 0.1}}, "Field required"),
        ({"split": {"val": 0.1, "test": 0.3}, "labels": {"path": "l.json"}}, "one list per test"),
    ],
)
def test_shares_that_make_no_sense_are_refused(changes: dict[str, object], problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        PathData.model_validate({"source": "path", "path": "rows.jsonl", **changes})


def test_settings_without_shares_are_those_of_older_results() -> None:
    assert "split" not in PathData(source="path", path="x").model_dump(mode="json")
