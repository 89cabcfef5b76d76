"""Files of a configuration: merged key by key, and each key with its place."""

from functools import reduce
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ecslm.common.errors import InputError
from ecslm.config.files import Content, read_files

pytestmark = pytest.mark.usefixtures("empty_folder")


def read(*texts: str) -> Content:
    """The content of files a.yaml, b.yaml and so on."""
    files = [Path(f"{letter}.yaml") for letter, _ in zip("abc", texts, strict=False)]
    for path, text in zip(files, texts, strict=True):
        path.write_text(text, encoding="utf-8")
    return reduce(Content.with_over, read_files([path.absolute() for path in files]))


def told(content: Content, *problems: str) -> tuple[str, ...]:
    """Problems with their places."""
    return content.located(InputError(*problems)).problems


@pytest.mark.parametrize(
    ("files", "problem", "line"),
    [
        (["a:\n  x: 1\n  y: 2\n", "a:\n  y: 3\n"], "a.y: no", "b.yaml: line 2: a.y: no"),
        # The section that lacks it.
        (["a:\n  b-1.5:\n    x: 1\n"], "a.b-1.5.y: missing", "a.yaml: line 2: a.b-1.5.y: missing"),
        (["a:\n  - x\n  - y\n"], "a.1: no", "a.yaml: line 3: a.1: no"),
        # Keys that an anchor brings.
        (["a: &a\n  x: 1\nb:\n  <<: *a\n  x: 3\n"], "b.x: no", "a.yaml: line 5: b.x: no"),
        # It is one line that a terminal can show.
        (["a: 1\n"], "a: not a\nb\x1b[31m", "a.yaml: line 1: a: not a\\nb\\x1b[31m"),
    ],
)
def test_a_problem_has_the_place_of_its_key(files: list[str], problem: str, line: str) -> None:
    assert told(read(*files), problem) == (line,)


def test_values_that_stand_in_no_file_have_no_place() -> None:
    over = read("study: a\nseeds: [1]\n").with_over(Content({"study": "b"}))
    assert told(over, "study: no", "seeds: no") == ("study: no", "a.yaml: line 2: seeds: no")


KEYS = st.text(alphabet="abc", min_size=1, max_size=3)
# Snakemake passes over an empty section that is to go over a value; here it does.
VALUES = st.recursive(
    st.none() | st.integers(0, 9) | st.sampled_from(["x", "", "1", "no", "2026-01-01"]),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(KEYS, inner, min_size=1, max_size=2)
    ),
    max_leaves=6,
)
MAPPINGS = st.dictionaries(KEYS, VALUES, min_size=1, max_size=3)


@given(MAPPINGS, MAPPINGS)
def test_files_mean_what_yaml_and_snakemake_make_of_them(
    one: dict[str, Any], two: dict[str, Any]
) -> None:
    from snakemake.utils import update_config

    content = read(*(yaml.safe_dump(value) for value in (one, two)))
    update_config(one, two)
    assert content.values == one
