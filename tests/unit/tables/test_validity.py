from pathlib import Path
from typing import Any

import pytest
from ecslm.tables.sources import Sources
from hypothesis import given
from hypothesis import strategies as st
from support.table_files import IND, OOD, request, scores, write_metrics

from ecslm.tables.kinds.validity import build
from ecslm.tables.model import percent_text
from ecslm.tables.notes import constant_notes

ENTRY = {"kind": "validity", "settings": [IND, OOD], "columns": ["PM", "SA"], "models": ["Small"]}


def test_invalid_and_truncated_shares_stand_beside_strict_and_lenient_scores(
    tmp_path: Path,
) -> None:
    write_metrics(tmp_path, "Small", "PM", {IND: scores(0.5)})
    write_metrics(tmp_path, "Small", "SA", {IND: scores(0.4), OOD: scores(0.3, n_invalid=0)})
    models = {"Small": {"seeds": [0], "tasks": ["PM", "SA"]}}
    wanted = request(ENTRY, models=models, setting_titles={IND: "in domain"})
    table = build("validity", wanted, Sources(tmp_path))
    shown = {
        (panel.title, row.detail): [cell.shown for cell in row.cells]
        for panel in table.panels
        for row in panel.rows
    }
    shares, values, most = (
        f"in domain: {what}"
        for what in ("unusable answers, %", "scores", "the most frequent answer")
    )
    assert shown == {
        (shares, "invalid"): ["5.0", "5.0"],
        (shares, "truncated"): ["2.0", "2.0"],
        (values, "strict"): ["0.500", "0.400"],
        (values, "lenient"): ["0.510", "0.410"],
        (most, "share, %"): ["30.0", "30.0"],
        (most, "distinct"): ["3", "3"],
        # Without a title a setting is shown by its name.
        (f"{OOD}: unusable answers, %", "invalid"): ["0.0"],
        (f"{OOD}: unusable answers, %", "truncated"): ["2.0"],
        (f"{OOD}: scores", "strict"): ["0.300"],
        (f"{OOD}: scores", "lenient"): ["0.310"],
        (f"{OOD}: the most frequent answer", "share, %"): ["30.0"],
        (f"{OOD}: the most frequent answer", "distinct"): ["3"],
    }
    assert [column.records for column in table.panels[0].columns] == [200, 200]
    assert all(panel.float_title == panel.title for panel in table.panels)


@given(st.floats(0, 1), st.integers(0, 3))
def test_a_share_looks_like_none_or_all_only_if_it_is(share: float, decimals: int) -> None:
    shown = percent_text(share, decimals)
    assert (shown == f"{0:.{decimals}f}") == (share == 0)
    assert (shown == f"{100:.{decimals}f}") == (share == 1)
    assert abs(float(shown.lstrip("<>")) - 100 * share) <= 10.0**-decimals


def test_notes_say_which_models_answered_fewer_records(tmp_path: Path) -> None:
    write_metrics(tmp_path, "Small", "PM", {IND: scores(0.5), OOD: scores(0.5, n=90)})
    write_metrics(tmp_path, "Other", "PM", {IND: scores(0.5, n=180), OOD: scores(0.5, n=90)})
    models = {name: {"seeds": [0], "tasks": ["PM"]} for name in ("Small", "Other")}
    entry = ENTRY | {"models": list(models), "columns": ["PM"]}
    table = build("validity", request(entry, models=models), Sources(tmp_path))
    assert [panel.columns[0].records for panel in table.panels] == [200] * 3 + [90] * 3
    fewer = ("PM, Other: n = 180.",)
    assert [panel.notes for panel in table.panels] == [fewer] * 3 + [()] * 3


@pytest.mark.parametrize(
    ("limited", "named"),
    [
        (["Small-constrained", "Other-constrained"], "Small-constrained, Other-constrained"),
        # Those that alone end so are named by the end of their names.
        ([f"{name}-EC-constrained" for name in "ABC"], "Names that end in -EC-constrained"),
    ],
)
def test_a_note_says_which_answers_could_not_be_invalid(
    limited: list[str], named: str, tmp_path: Path
) -> None:
    models: dict[str, Any] = {"Small": {"tasks": ["PM"]}}
    models |= {name: {"tasks": ["PM"], "limits": "constrained"} for name in limited}
    for name in models:
        write_metrics(tmp_path, name, "PM", {IND: scores(0.5)})
    entry = ENTRY | {"models": list(models), "columns": ["PM"]}
    notes = build("validity", request(entry, models=models), Sources(tmp_path)).notes
    assert f"{named}: constrained; by construction no answer is invalid." in notes
    assert not any("Small:" in note for note in notes)


def test_shares_are_over_the_answers_of_all_seeds(tmp_path: Path) -> None:
    write_metrics(tmp_path, "Small", "PM", {IND: scores(0.5, n_invalid=0)}, seed=1)
    write_metrics(tmp_path, "Small", "PM", {IND: scores(0.5, n_invalid=20)}, seed=2)
    entry = {**ENTRY, "columns": ["PM"]}
    models = {"Small": {"seeds": [1, 2], "tasks": ["PM"]}}
    table = build("validity", request(entry, models=models), Sources(tmp_path))
    assert table.panels[0].groups[0].rows[0].cells[0].shown == "5.0"


@pytest.mark.parametrize(
    ("counts", "named"),
    [
        ([200], ["PM, Small: always 'no'"]),
        ([190], ["PM, Small: 'no' in 95.0 %"]),
        ([189], []),
        # Of two seeds only one gives nearly always the same answer.
        ([200, 189], []),
        ([200, 190], ["PM, Small: 'no' in 97.5 %"]),
    ],
)
def test_a_note_names_what_answers_one_constant(
    tmp_path: Path, counts: list[int], named: list[str]
) -> None:
    for seed, count in enumerate(counts):
        answers = {"distinct": 2, "most_frequent": "no", "count": count}
        write_metrics(tmp_path, "Small", "PM", {IND: scores(0.5, answers=answers)}, seed=seed)
    models = {"Small": {"seeds": [*range(len(counts))], "tasks": ["PM"]}}
    entry = {**ENTRY, "columns": ["PM"]}
    table = build("validity", request(entry, models=models), Sources(tmp_path))
    assert table.panels[2].notes == tuple(constant_notes(named))
