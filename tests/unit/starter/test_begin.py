"""What makes a study of records, apart from the file that is written of it."""

from pathlib import Path

import pytest
import yaml

from ecslm.config.loading import read_config
from ecslm.schemas.paths import TEMPLATES
from ecslm.schemas.registry import CONFIG_FILE
from ecslm.starter.begin import Begun, begin_study

from .own_records import lines, row


def begun(rows: str, name: str = "mine") -> Begun:
    Path("mine.jsonl").write_text(rows)
    registry = read_config([CONFIG_FILE], None, TEMPLATES).tasks
    return begin_study(name, Path("mine.jsonl"), registry)


def test_a_study_is_begun_without_a_file_of_it(desk: Path) -> None:
    study = begun(lines([row(number) for number in range(60)]))
    assert yaml.safe_load(study.text)["study"] == "mine"
    assert not study.report.problems
    assert {path.name for path in desk.glob("mine*")} == {"mine.jsonl"}


@pytest.mark.usefixtures("desk")
@pytest.mark.parametrize("name", ["on", "2026-11-27"])
def test_a_study_may_be_called_what_yaml_takes_for_another_value(name: str) -> None:
    assert (
        yaml.safe_load(begun(lines([row(number) for number in range(60)]), name).text)["study"]
        == name
    )
