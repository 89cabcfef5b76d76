"""Colours that everybody can tell apart on white and dark paper, and bytes that never change."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib import rc_context
from matplotlib.figure import Figure
from support.project import STYLE

from ecslm.figures.style import COLOURS, PAPER, SHAPES, as_files, looks, styled

DARK_PAPER = "#14181d"


def linear(colour: str) -> np.ndarray:
    channels = np.array([int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)])
    return np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)


def contrast(one: str, two: str) -> float:
    """As in the Web Content Accessibility Guidelines 2."""
    low, high = sorted(linear(colour) @ (0.2126, 0.7152, 0.0722) for colour in (one, two))
    return float((high + 0.05) / (low + 0.05))


@pytest.mark.parametrize("paper", [PAPER, DARK_PAPER])
def test_each_colour_stands_out_from_the_paper(paper: str) -> None:
    assert min(contrast(colour, paper) for colour in COLOURS) >= 3


@given(st.sets(st.text(min_size=1), max_size=len(COLOURS) * len(SHAPES)))
def test_no_two_families_look_alike_and_each_looks_the_same_in_any_order(names: set[str]) -> None:
    found = looks(sorted(names))
    assert len(set(found.values())) == len(names)
    assert looks(sorted(names, reverse=True)) == found


def test_a_figure_has_the_same_bytes_each_time_and_under_any_settings_of_the_user() -> None:
    def files() -> tuple[str, bytes]:
        with styled(STYLE):
            figure = Figure()
            axes = figure.subplots()
            axes.plot([1, 3, 2], marker="o")
            axes.axhline(2, linestyle="dotted")
            return as_files(figure, "name", "A < B")

    first = files()
    assert "<desc>A &lt; B</desc>" in first[0]
    with rc_context({"font.size": 20, "axes.grid": False, "svg.hashsalt": "other"}):
        assert files() == first
