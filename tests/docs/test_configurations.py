"""Configurations that the pages show are read as they stand, fragments in the demo's place."""

import textwrap
from typing import Any

import pytest
import yaml
from support.configs import shipped
from support.pages import Block, pages
from support.project import PROMPTS, ROOT

from ecslm.config.loading import load_config
from ecslm.config.schema import Config, StudySettings
from ecslm.data.settings import HubData, PathData
from ecslm.families.settings import DecodingSettings
from ecslm.plan.study import Choice
from ecslm.plan.tables import check_tables
from ecslm.training.settings import TrainingSettings

BLOCKS = [block for page in pages() for block in page.blocks if block.language in {"yaml", "yml"}]
STUDY = "demo"


# The configuration that fragments are put into: all settings, as in the paper's study.
SHIPPED = shipped()
SHIPPED["studies"][STUDY]["settings"] = SHIPPED["studies"]["paper"]["settings"]
# Where sections stand, by keys that all of them may have, or that each has one of.
SECTIONS: tuple[tuple[str, set[str]], ...] = (
    (f"studies.{STUDY}", set(StudySettings.model_fields)),
    (f"studies.{STUDY}.data", {*PathData.model_fields, *HubData.model_fields}),
    (f"studies.{STUDY}.training", set(TrainingSettings.model_fields)),
    (f"studies.{STUDY}.decoding", set(DecodingSettings.model_fields)),
)
NAMED = (
    (f"studies.{STUDY}.tables", {"kind"}),
    ("bases", {"source"}),
    ("tasks", {"metric"}),
    (f"studies.{STUDY}.models", {"base", "backend"}),
)


def placed(content: dict[str, Any]) -> dict[str, Any]:
    """A fragment at its place in a configuration, by its keys."""
    if "studies" in content:
        # A study that is shown in part.
        studies = content["studies"].items()
        named = {name if "title" in study else STUDY: study for name, study in studies}
        return content | {"studies": named}
    # `tasks` is both: the registry, and a list of a study.
    if set(content) <= set(Config.model_fields) and not isinstance(content.get("tasks"), list):
        return content
    found = [path for path, keys in SECTIONS if set(content) <= keys] or [
        path for path, keys in NAMED if all(keys.intersection(one) for one in content.values())
    ]
    for key in reversed(found[0].split(".")):
        content = {key: content}
    return content


def merged(under: Any, over: Any) -> Any:
    """As Snakemake merges files; the data of a study have one source alone."""
    if not (isinstance(under, dict) and isinstance(over, dict)):
        return over
    if "source" in over and over["source"] != under.get("source"):
        return over
    return under | {key: merged(under.get(key), value) for key, value in over.items()}


@pytest.mark.parametrize("block", BLOCKS, ids=str)
def test_a_configuration_of_a_page_is_valid(block: Block) -> None:
    content = yaml.safe_load(textwrap.dedent(block.text))
    assert isinstance(content, dict)
    load_config(merged(SHIPPED, placed(content)), PROMPTS)


@pytest.mark.parametrize(
    ("file", "study", "runs"),
    [("backends", "untuned", 3), ("backends", "backends", 18), ("own_paper", "own_paper", 8)],
)
def test_an_example_is_valid_and_its_tables_find_what_they_name(
    file: str, study: str, runs: int
) -> None:
    made = Choice([ROOT / f"examples/{file}.yaml"], study).read()
    check_tables(made)
    assert len(list(made.runs())) == runs
