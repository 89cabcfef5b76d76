"""Colours that everybody can tell apart on white and dark paper, and bytes that never change."""

import os
import subprocess
import sys
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.project import ROOT

from ecslm.figures.style import COLOURS, PAPER, SHAPES, looks

DARK_PAPER = "#14181d"
# Machado, Oliveira and Fernandes (2009), severity 1: what linear RGB becomes.
SEEN_BY = {
    "all cones": np.eye(3),
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}
# In units of CIELAB, where about 2 can just be told apart side by side.
TOLD_APART = 15


def linear(colour: str) -> np.ndarray:
    channels = np.array([int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)])
    return np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)


def contrast(one: str, two: str) -> float:
    """As in the Web Content Accessibility Guidelines 2."""
    low, high = sorted(linear(colour) @ (0.2126, 0.7152, 0.0722) for colour in (one, two))
    return float((high + 0.05) / (low + 0.05))


def lab(rgb: np.ndarray) -> np.ndarray:
    """CIELAB of linear RGB, under the white of sRGB."""
    to_xyz = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    x, y, z = np.array(to_xyz) @ np.clip(rgb, 0, 1) / (0.9505, 1, 1.089)
    f = [np.cbrt(v) if v > 0.008856 else 7.787 * v + 16 / 116 for v in (x, y, z)]
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("paper", [PAPER, DARK_PAPER])
def test_each_colour_stands_out_from_the_paper(paper: str) -> None:
    assert min(contrast(colour, paper) for colour in COLOURS) >= 3


@pytest.mark.parametrize("eyes", SEEN_BY)
def test_colours_differ_for_people_who_see_fewer(eyes: str) -> None:
    seen = {colour: lab(np.array(SEEN_BY[eyes]) @ linear(colour)) for colour in COLOURS}
    for one, two in combinations(COLOURS, 2):
        assert np.linalg.norm(seen[one] - seen[two]) > TOLD_APART, (one, two)


@given(st.sets(st.text(min_size=1), max_size=len(COLOURS) * len(SHAPES)))
def test_no_two_families_look_alike_and_each_looks_the_same_in_any_order(names: set[str]) -> None:
    found = looks(sorted(names))
    assert len(set(found.values())) == len(names)
    assert looks(sorted(names, reverse=True)) == found


def test_a_figure_has_the_same_bytes_in_each_process_and_under_any_settings_of_the_user(
    tmp_path: os.PathLike[str],
) -> None:
    (tmp_path / "matplotlibrc").write_text("font.size: 20\naxes.grid: False\n")  # type: ignore[operator]
    code = (
        "import hashlib; from matplotlib.figure import Figure\n"
        "from ecslm.figures.style import as_files, styled\n"
        "with styled():\n"
        "    figure = Figure(); axes = figure.subplots(); axes.plot([1, 3, 2], marker='o')\n"
        "    axes.set_title('Some text'); axes.axhline(2, linestyle='dotted')\n"
        "    svg, pdf = as_files(figure, 'name', 'A < B'); content = svg.encode() + pdf\n"
        "assert '<desc>A &lt; B</desc>' in svg\n"
        "print(hashlib.sha256(content).hexdigest())\n"
    )
    found = set()
    for seed, folder in (("0", ROOT), ("1", tmp_path)):
        variables = os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT / "scripts")}
        command = [sys.executable, "-c", code]
        found.add(subprocess.check_output(command, cwd=folder, env=variables))
    assert len(found) == 1
