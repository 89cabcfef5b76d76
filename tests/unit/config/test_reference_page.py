"""The page that explains every key, and the schema of the configuration, as editors use it."""

import re
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from support.project import ROOT
from support.scripts import run_script

from ecslm.config.reference_page import TEXTS, Described, reference_page
from ecslm.config.schema import Config

HEADING = re.compile(r"^##+ `?(.*?)`?$", re.MULTILINE)


@cache
def schema() -> dict[str, Any]:
    return Config.model_json_schema(schema_generator=Described)


@cache
def page() -> str:
    return reference_page(schema())


def tables() -> dict[str, dict[str, list[str]]]:
    """The cells of each key, by the heading above it."""
    found: dict[str, dict[str, list[str]]] = {}
    heading = ""
    for line in page().splitlines():
        if match := HEADING.match(line):
            heading = match[1]
        elif line.startswith("| `"):
            key, *cells = re.split(r"(?<!\\) \| ", line.strip("| "))
            assert key not in found.setdefault(heading, {}), f"{heading}: {key} twice"
            assert [bool(cell.strip()) for cell in cells] == [True] * 3, f"{heading}: {key}"
            found[heading][key.strip("`")] = cells
    return found


def test_every_key_is_on_the_page_once_with_its_types_limits_and_default() -> None:
    found, schemas = tables(), (schema(), *schema()["$defs"].values())
    keys = sorted(sorted(table) for table in found.values())
    assert keys == sorted(sorted(one["properties"]) for one in schemas)
    training = found["studies.NAME.training"]
    assert training["dropout"][:2] == ["number, at least 0, below 1", "`0.1`"]
    assert training["batch_tokens"][0] == "whole number, at least 16 or `auto`"
    assert found["studies.NAME"]["device"][:2] == ["`cpu`, `cuda`", "**needed**"]
    link = "section [studies.NAME.data (source: hub)](#studiesnamedata-source-hub) or "
    assert found["studies.NAME"]["data"][0].startswith(link)


def test_each_example_stands_in_its_section() -> None:
    for path, example in yaml.safe_load(TEXTS.read_text(encoding="utf-8"))["examples"].items():
        before = page()[: page().index(f"```yaml\n{example.strip()}\n```")]
        assert HEADING.findall(before)[-1].partition(" (")[0] == path


def test_the_schema_file_and_the_page_are_in_step_with_the_code(tmp_path: Path) -> None:
    files = {"--output": "resources/config.schema.json", "--markdown": "docs/configuration.md"}
    written = {option: tmp_path / Path(file).name for option, file in files.items()}
    options = [one for option in written.items() for one in option]
    run_script("config_schema.py", *options).check_returncode()
    for option, file in files.items():
        same = written[option].read_bytes() == (ROOT / file).read_bytes()
        assert same, f"{file}: run scripts/config_schema.py"
    # Editors find the schema from the first line.
    first = (ROOT / "config.yaml").read_text(encoding="utf-8").splitlines()[0]
    assert first.partition("$schema=")[2] == "resources/config.schema.json"
