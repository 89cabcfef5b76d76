"""Validity tables: unusable answers, forgiven ones, and answers that are one constant."""

from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from support.table_files import IND, OOD, built, request, scores, write_metrics, write_over_seeds

from ecslm.tables.model import Table, percent_text
from ecslm.tables.notes import constant_notes


def made(results: Path, models: dict[str, Any], *columns: str) -> Table:
    entry = {"kind": "validity", "settings": [IND, OOD], "columns": columns, "models": [*models]}
    return built(request(entry, models=models, setting_titles={IND: "in domain"}), results)


def test_unusable_answers_scores_and_the_most_frequent_answer_have_panels_in_each_setting(
    tmp_path: Path,
) -> None:
    write_metrics(tmp_path, "Small", "PM", {IND: scores(0.5)})
    write_metrics(tmp_path, "Small", "SA", {IND: scores(0.4), OOD: scores(0.3, n_invalid=0)})
    table = made(tmp_path, {"Small": {"tasks": ["PM", "SA"]}}, "PM", "SA")
    found = [
        (panel.title, {row.detail: [cell.shown for cell in row.cells] for row in panel.rows})
        for panel in table.panels
    ]
    same = {"share, %": ["30.0"], "distinct": ["3"]}
    assert found == [
        ("in domain: unusable answers, %", {"invalid": ["5.0"] * 2, "truncated": ["2.0"] * 2}),
        ("in domain: scores", {"strict": ["0.500", "0.400"], "lenient": ["0.510", "0.410"]}),
        ("in domain: the most frequent answer", {key: one * 2 for key, one in same.items()}),
        # Without a title a setting is shown by its name.
        (f"{OOD}: unusable answers, %", {"invalid": ["0.0"], "truncated": ["2.0"]}),
        (f"{OOD}: scores", {"strict": ["0.300"], "lenient": ["0.310"]}),
        (f"{OOD}: the most frequent answer", same),
    ]
    assert [panel.float_title for panel in table.panels] == ["in domain"] * 3 + [OOD] * 3


@given(st.floats(0, 1), st.integers(0, 3))
def test_a_share_looks_like_none_or_all_only_if_it_is(share: float, decimals: int) -> None:
    shown = percent_text(share, decimals)
    assert (shown == f"{0:.{decimals}f}") == (share == 0)
    assert (shown == f"{100:.{decimals}f}") == (share == 1)
    assert abs(float(shown.lstrip("<>")) - 100 * share) <= 10.0**-decimals


def test_notes_say_which_models_answered_fewer_records_or_could_not_be_invalid(
    tmp_path: Path,
) -> None:
    models: dict[str, Any] = {"Small": {"tasks": ["PM"]}}
    models |= {name: {"tasks": ["PM"], "limits": "constrained"} for name in ("A", "B")}
    models["B"]["served"] = "vllm serve"
    for name, n in (("Small", 180), ("A", 200), ("B", 200)):
        write_metrics(tmp_path, name, "PM", {IND: scores(0.5, n=n), OOD: scores(0.5, n=90)})
    table = made(tmp_path, models, "PM")
    assert [panel.columns[0].records for panel in table.panels] == [200] * 3 + [90] * 3
    assert [panel.notes for panel in table.panels] == [("PM, Small: n = 180.",)] * 3 + [()] * 3
    assert "A, B: constrained; by construction no answer is invalid." in table.notes
    assert [note for note in table.notes if note.startswith("B: answered by `vllm serve`, which ")]
    assert not any("Small:" in note or "`None`" in note for note in table.notes)


def test_shares_are_over_all_seeds_and_a_note_names_what_answers_one_constant(
    tmp_path: Path,
) -> None:
    write_over_seeds(tmp_path, "Small", "PM", {IND: 0.5})
    for counts, share, named in (
        ([200], "100.0", ["PM, Small: always 'no'"]),
        ([190], "95.0", ["PM, Small: 'no' in 95.0 %"]),
        ([189], "94.5", []),
        # Of two seeds only one gives nearly always the same answer.
        ([200, 189], "97.2", []),
        ([200, 190], "97.5", ["PM, Small: 'no' in 97.5 %"]),
    ):
        for seed, count in enumerate(counts):
            answers = {"distinct": 2, "most_frequent": "no", "count": count}
            write_metrics(tmp_path, "Small", "PM", {IND: scores(0.5, answers=answers)}, seed=seed)
        models = {"Small": {"seeds": [*range(len(counts))], "tasks": ["PM"]}}
        panel = made(tmp_path, models, "PM").panels[2]
        assert panel.groups[0].rows[0].cells[0].shown == share
        assert panel.notes == tuple(constant_notes(named))
