"""Colours that everybody can tell apart on white and dark paper, and bytes that never change."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.project import ROOT

from ecslm.figures.style import COLOURS, PAPER, SHAPES, looks

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


CODE = """
import hashlib
from matplotlib.figure import Figure
from ecslm.figures.style import as_files, styled
with styled():
    figure = Figure()
    axes = figure.subplots()
    axes.plot([1, 3, 2], marker="o")
    axes.set_title("Some text")
    axes.axhline(2, linestyle="dotted")
    svg, pdf = as_files(figure, "name", "A < B")
assert "<desc>A &lt; B</desc>" in svg
print(hashlib.sha256(svg.encode() + pdf).hexdigest())
"""


def test_a_figure_has_the_same_bytes_in_each_process_and_under_any_settings_of_the_user(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "matplotlibrc").write_text("font.size: 20\naxes.grid: False\n")
    variables = os.environ | {"PYTHONHASHSEED": "1", "PYTHONPATH": str(ROOT / "scripts")}
    command = [sys.executable, "-c", CODE]
    other = subprocess.check_output(command, cwd=tmp_path, env=variables, text=True)
    exec(CODE, {})
    assert capsys.readouterr().out == other
