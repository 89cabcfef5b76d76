"""Configurations that the pages show are read as they stand, fragments in the demo's place."""

import textwrap
from typing import Any

import pytest
import yaml
from support.configs import shipped
from support.pages import Block, pages
from support.project import PROMPTS, ROOT

from ecslm.common.errors import InputError
from ecslm.config.loading import load_config
from ecslm.config.schema import Config, StudySettings
from ecslm.data.settings import HubData, PathData
from ecslm.plan.study import Study
from ecslm.plan.tables import check_tables
from ecslm.prediction.settings import DecodingSettings
from ecslm.tables.kind import KINDS
from ecslm.training.settings import TrainingSettings

BLOCKS = [block for page in pages() for block in page.blocks if block.language in {"yaml", "yml"}]
STUDY = "demo"


def base() -> dict[str, Any]:
    """The configuration that fragments are put into: all settings, as in the paper's study."""
    raw = shipped()
    raw["studies"][STUDY]["settings"] = raw["studies"]["paper"]["settings"]
    return raw


SHIPPED = base()


def placed(content: dict[str, Any]) -> dict[str, Any]:
    """A fragment at its place in a configuration, by its keys."""
    if "studies" in content:
        # A study that is shown in part.
        studies = content["studies"].items()
        named = {name if "title" in study else STUDY: study for name, study in studies}
        return content | {"studies": named}
    keys = set(content)
    sections = [one for one in content.values() if isinstance(one, dict)]
    # `tasks` is both: the registry, and a list of a study.
    if keys <= set(Config.model_fields) and not isinstance(content.get("tasks"), list):
        return content
    if keys <= set(StudySettings.model_fields):
        return {"studies": {STUDY: content}}
    if "source" in keys and keys <= {*PathData.model_fields, *HubData.model_fields}:
        return {"studies": {STUDY: {"data": content}}}
    if keys <= set(TrainingSettings.model_fields):
        return {"studies": {STUDY: {"training": content}}}
    if keys <= set(DecodingSettings.model_fields):
        return {"studies": {STUDY: {"decoding": content}}}
    if len(sections) == len(content):
        if all(one.get("kind") in KINDS for one in sections):
            return {"studies": {STUDY: {"tables": content}}}
        if all(one.get("source") in {"hub", "path", "wheel"} for one in sections):
            return {"bases": content}
        if all({"answer", "metric"} <= one.keys() for one in sections):
            return {"tasks": content}
        if all({"base", "backend"} & one.keys() for one in sections):
            return {"studies": {STUDY: {"models": content}}}
    raise AssertionError(f"nothing tells where these keys belong: {sorted(keys)}")


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
    "text",
    [
        "training: {epoch: 3}",
        "studies: {mine: {modles: {}}}",
        "learning_rate: fast",
    ],
)
def test_a_mistake_in_a_page_would_be_noticed(text: str) -> None:
    with pytest.raises(InputError):
        load_config(merged(SHIPPED, placed(yaml.safe_load(text))), PROMPTS)


@pytest.mark.parametrize(
    ("file", "study", "runs"),
    [("backends", "untuned", 3), ("backends", "backends", 18), ("own_paper", "own_paper", 8)],
)
def test_an_example_is_valid_and_its_tables_find_what_they_name(
    file: str, study: str, runs: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    made = Study.read([ROOT / f"examples/{file}.yaml"], study)
    check_tables(made)
    assert len(list(made.runs())) == runs
