"""Claims: the table, and the verdict that follows from the same cells."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support import table_files as files
from support.table_files import IND, OOD, cells, request, scores, write_comparisons, write_metrics

from ecslm.scoring.intervals import wilson_interval
from ecslm.tables.kind import TableRequest
from ecslm.tables.kinds.claims import best, close_enough, difference_interval
from ecslm.tables.model import MISSING, Cell, Interval, Table

DOUBTFUL = {"details": {"lenient": None, "interval": {"method": "bootstrap", "reliable": False}}}
GENERAL = {"general", "difference", "interval", "within"}


def asked(comparable: bool = True, **changes: Any) -> TableRequest:
    both = {"tasks": ["PM", "SA"]}
    entry = {
        **{"kind": "claims", "settings": {IND: "IND"}, "model": "Ours", **both},
        **{"general": ["GPT-4 Turbo", "EcomGPT"], "margin": 0.05, "untuned": "Small"},
        **{"contrasts": ["tuning"], **changes},
    }
    return request(
        entry,
        models={"Ours": both, "Small": both, "Valid": {"tasks": ["PM"]}},
        simple={"PM": ["always-yes", "Words"], "SA": ["random", "Words"]},
        baselines={"always-yes": ["PM"], "random": ["SA"]},
        contrasts={name: name for name in ("tuning", "form", "simple")},
        data={"source": "generated records", "comparable": comparable},
        setting_titles={IND: "in domain"},
    )


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """Published: 0.753 for PM, 0.516 for SA; all intervals reach 0.03 to either side."""
    for name, pm, sa in (
        ("Ours", scores(0.8, strict=DOUBTFUL), scores(0.5)),
        ("Small", scores(0.3, n_invalid=150), scores(0.4)),
        ("Valid", scores(0.5, n_invalid=0), scores(0.5)),
        ("always-yes", scores(0.6), scores(0.6)),
        ("random", scores(0.6), scores(0.6)),
        # On test records it would be the best.
        ("Words", scores(0.9), scores(0.9)),
    ):
        write_metrics(tmp_path, name, "PM", {IND: pm})
        write_metrics(tmp_path, name, "SA", {IND: sa})
    files.write_simple(tmp_path, "PM", "always-yes")
    files.write_simple(tmp_path, "SA", "random")
    tuning, form, simple = ({"contrast": one, "a": "Ours"} for one in ("tuning", "form", "simple"))
    beating = simple | {"b": "always-yes", "test": "bootstrap", "reliable": False}
    write_comparisons(tmp_path, "PM", tuning, form | {"b": "Valid", "difference": 0.3}, beating)
    beaten = simple | {"b": "random", "difference": -0.1}
    write_comparisons(tmp_path, "SA", tuning | {"p_holm": 0.2}, beaten)
    files.write_published(tmp_path)
    return tmp_path


def made(results: Path, comparable: bool = True, **changes: Any) -> Table:
    return files.built(asked(comparable, **changes), results)


def test_a_row_has_the_best_published_model_and_where_the_interval_lies(results: Path) -> None:
    table = made(results)
    found = {key: cell.shown for key, cell in cells(table)["PM"].items()}
    assert found == {
        **{"metric": "F1", "records": "200", "ours": "0.800", "general row": "GPT-4 Turbo"},
        # The interval may be too narrow.
        **{"general": "0.753", "difference": "0.047", "interval": "above*", "within": "yes*"},
        **{"untuned": "0.300", "invalid": "75", "like": "0.310", "tuning": "0.100"},
        **{"simple row": "always-yes", "simple": "0.600", "beating": MISSING},
    }
    assert cells(table)["PM"]["tuning"].marks == ("significant",)


def test_sentences_count_what_the_table_shows(results: Path) -> None:
    assert made(results).summary == (
        "In domain: Of 2 tasks: Ours scores higher than the best published general LLM in 1 (PM), "
        "as high in 0, lower in 1 (SA). Of 2 tasks: Ours is better than Small, not tuned, in 1 "
        "(PM), worse in 0, not decided by paired tests in 1 (SA). On average over 2 tasks, Small, "
        "with 40 % of its answers invalid, scores 0.350, 0.360 if the form of its answers does not "
        "count, and Ours 0.650: of the gain of 0.300, 0.010 is form.",
    )


def test_tests_against_simple_baselines_and_valid_answers_come_before_intervals_and_free_ones(
    results: Path,
) -> None:
    contrasts = ["simple", "form", "tuning"]
    table = made(results, comparable=False, constrained="Valid", contrasts=contrasts)
    found = cells(table)["PM"]
    assert not GENERAL & {*found}
    assert (found["beating"].shown, found["beating"].marks) == ("0.100", ("few",))
    assert any(
        ", PM: a test that is not exact is not valid with so" in note for note in table.notes
    )
    # Where limited answers have no score, free ones stand for them.
    shown = {task: (row["like"].shown, row["tuning"].shown) for task, row in cells(table).items()}
    assert shown == {"PM": ("0.500", "0.300"), "SA": ("0.410", "0.100")}
    assert "Published values were measured on other data: they are not compared with ours." in (
        table.notes
    )
    (said,) = table.summary
    assert "than the best simple baseline in 0, worse in 1 (SA), not decided by paired" in said
    assert "than Valid, not tuned but limited to valid answers where it can be, in 1 (PM)" in said
    assert "0.455 if the form of its answers does not count, and Ours 0.650: of the" in said


def test_what_was_not_measured_or_published_is_missing_and_counts_nowhere(results: Path) -> None:
    undefined = scores(0.0, strict={"defined": False, "ci95": None})
    write_metrics(results, "Ours", "SA", {IND: undefined})
    write_comparisons(results, "SA")
    table = made(results, settings={IND: "IND", OOD: "OOD"}, general=["GPT-4 Turbo"])
    for key in ("ours", "difference", "interval", "within", "tuning", "beating"):
        assert cells(table)["SA"][key].shown == MISSING, key
    # A setting that the model does not answer has no panel and no paragraph.
    assert [panel.float_title for panel in table.panels] == ["in domain"] * 2
    (text,) = table.summary
    assert "Of 1 task: Ours scores higher" in text


def test_where_nothing_is_gained_no_part_of_it_is_form(results: Path) -> None:
    for task in ("PM", "SA"):
        write_metrics(results, "Small", task, {IND: scores(0.9)})
    assert made(results).summary[0].endswith("does not count, and Ours 0.650.")


def test_the_sign_of_a_judgement_is_explained_also_without_intervals(results: Path) -> None:
    table = made(results, intervals="none")
    assert cells(table)["PM"]["interval"].shown == "above*"
    assert sum(note.startswith("*: ") for note in table.notes) == 1


def test_published_rows_that_do_not_exist_are_named(results: Path) -> None:
    wanted, path = asked(general=["GPT-4 Turbo", "GPT-9"]), results / "study.csv"
    assert files.problems(wanted, results) == [f"GPT-9 is not in table IND of {path}"]


def test_a_published_value_may_be_off_by_half_of_its_last_digit(results: Path) -> None:
    """The interval is from 0.7741 to 0.83."""
    ours = scores(0.8, strict=DOUBTFUL | {"ci95": [0.7741, 0.83]})
    write_metrics(results, "Ours", "PM", {IND: ours})
    for printed, *expected in (
        ("0.770", "above*", "yes*"),
        ("0.77", "contains*", "yes*"),
        ("0.82", "contains*", "unclear*"),
        ("0.7", "above*", "yes*"),
    ):
        # The digits of another table do not count.
        rows = f"IND,GPT-4 Turbo,,{printed},\nIND,EcomGPT,,0.5,\nOOD,EcomGPT,,0.5001,\n"
        (results / "study.csv").write_text(f"table,model,doubled,PM,SA\n{rows}")
        found = cells(made(results))["PM"]
        assert [found["interval"].shown, found["within"].shown] == expected


def test_close_enough_is_a_share_of_what_the_published_model_gains_over_simple_baselines() -> None:
    # A fifth of the gain from 0.116 to the published 0.516 is 0.08; from 0.6 nothing is gained.
    for ours, simple, rounding, within in (
        *((0.5, 0.116, 0.0, "yes"), (0.45, 0.116, 0.0, "unclear"), (0.4, 0.116, 0.0, "no")),
        *((0.5, 0.6, 0.0, "unclear"), (0.464, 0.116, 0.0, "unclear"), (0.464, 0.116, 0.005, "yes")),
    ):
        interval = Interval(ours - 0.516 - 0.03, ours - 0.516 + 0.03)
        assert close_enough(interval, 0.516, simple, 0.2, rounding) == within


@pytest.mark.parametrize(("proportion", "least", "most"), [(True, 0.01, 0.04), (False, 0.06, 0.11)])
def test_an_equal_published_proportion_is_rarely_passed_by_chance_if_its_luck_counts_too(
    proportion: bool, least: float, most: float
) -> None:
    """Two models with an accuracy of 0.65, each on 1,000 records: what is taken as exact is passed
    in 8.3 % of the samples, for 2.5 % that should be."""
    above = []
    for ours, published in np.random.default_rng(23).binomial(1_000, 0.65, (1_500, 2)).tolist():
        own = Interval(*wilson_interval(ours, 1_000, 0.95))
        n = 1_000 if proportion else None
        found = difference_interval(ours / 1_000, own, published / 1_000, n)
        above.append(found.position(0.0, 0.0005) == "above")
    assert least < np.mean(above) < most


def test_a_published_value_on_another_scale_is_never_the_best() -> None:
    doubled = Cell(0.988, "0.988", marks=("doubled",))
    others = {"b": Cell(0.5, "0.500"), "c": Cell(0.5, "0.500"), "d": Cell()}
    assert best({"a": doubled, **others}) == "b"
    assert best({"a": doubled, "d": Cell()}) is None
