"""What a run would be refused for is an error each, and what it warns of a warning."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from support.plans import LOCAL, MODELS
from support.project import ROOT

from ecslm.preflight.configuration import read_plan

STUDY: dict[str, Any] = {
    "title": "A shop",
    "device": "cpu",
    "published_comparable": False,
    "data": LOCAL,
    "tasks": ["PM"],
    "train_setting": "IND_Diverse_Instruction",
    "settings": ["IND_Diverse_Instruction"],
    "models": {"Small-EC": MODELS["Small-EC"]},
}


@pytest.fixture(autouse=True)
def configuration() -> None:
    Path("config.yaml").write_bytes((ROOT / "config.yaml").read_bytes())


def told(**changes: Any) -> tuple[bool, list[str]]:
    """Whether there is an overview, and the findings, of a study with some keys changed."""
    small = {"source": "path", "path": "models/small"}
    value = {"study": "shop", "bases": {"Small": small}, "studies": {"shop": STUDY | changes}}
    Path("mine.yaml").write_text(yaml.safe_dump(value), encoding="utf-8")
    plan, overview, findings = read_plan([Path("mine.yaml")], None)
    assert plan is not None or overview is None
    return overview is not None, [f"{one.severity}: {one}" for one in findings]


def test_what_fits_is_one_line() -> None:
    assert told() == (True, ["ok: fits the files that it names, and the results"])


def test_a_configuration_that_cannot_be_read_is_a_line_for_each_problem() -> None:
    readable, lines = told(devise="cpu", settings=["IND"], train_setting="IND", tasks=["PN"])
    assert not readable
    assert len(lines) > 1
    assert all(": studies.shop" in line for line in lines)
    assert any("did you mean `PM`?" in line for line in lines)


def test_what_a_base_lacks_is_told_and_the_rest_is_still_checked(tiny_model: Path) -> None:
    Path("models").mkdir()
    Path("models/small").symlink_to(tiny_model)
    readable, lines = told(training={"rank": 1000})
    assert readable
    (line,) = lines
    assert line.startswith("error: mine.yaml: line ")
    assert "studies.shop.training.rank: 1000 is more than the smaller side" in line


def test_what_a_run_warns_of_is_a_warning(tiny_model: Path, capfd: pytest.CaptureFixture) -> None:
    Path("models").mkdir()
    Path("models/small").symlink_to(tiny_model)
    readable, lines = told(training={"max_length": 5000}, decoding={"max_length": 6000})
    assert readable
    assert {line.partition(": ")[0] for line in lines} == {"warning"}
    assert any(
        "5000 tokens, but Small was trained on texts of at most 4096" in one for one in lines
    )
    assert not any(line.startswith("warning: warning") for line in lines)
    # Nor does it print them.
    assert capfd.readouterr() == ("", "")


KEYS = st.sampled_from(sorted(STUDY))
VALUES = st.none() | st.integers() | st.text(max_size=3) | st.lists(st.integers(), max_size=2)


def test_no_change_of_a_key_ends_in_anything_but_findings() -> None:
    @given(KEYS, VALUES)
    def checked(key: str, value: object) -> None:
        readable, lines = told(**{key: value})
        assert lines
        assert readable or any(line.startswith("error: ") for line in lines)

    checked()
