"""The schema of the configuration, as editors and readers use it."""

import json
from pathlib import Path
from typing import Any

from support.project import ROOT
from support.scripts import run_script

from ecslm.config.schema import Config


def test_the_schema_file_and_the_page_are_in_step_with_the_code(tmp_path: Path) -> None:
    files = {"--output": "resources/config.schema.json", "--markdown": "docs/configuration.md"}
    written = {option: tmp_path / Path(file).name for option, file in files.items()}
    options = [one for option in written.items() for one in option]
    run_script("config_schema.py", *options).check_returncode()
    for option, file in files.items():
        same = written[option].read_bytes() == (ROOT / file).read_bytes()
        assert same, f"{file}: run scripts/config_schema.py"


# Fields that their section's own description explains, and the tags that tell sections apart.
EXPLAINED = {"source", "kind"}


def test_every_field_of_the_schema_has_a_description() -> None:
    schema = Config.model_json_schema()
    sections = {**schema["$defs"], "Config": schema}
    fields = {
        f"{name}.{field}": (section, content)
        for name, section in sections.items()
        for field, content in section["properties"].items()
    }
    assert len(fields) > 100
    silent = {
        name
        for name, (section, content) in fields.items()
        if not _described(content, schema["$defs"])
        and not (EXPLAINED & {name, name.split(".")[1]} and section["description"])
    }
    assert silent == set()


def _described(content: dict[str, Any], sections: dict[str, Any]) -> bool:
    """Whether a field says what it is, or is a section that does."""
    referred = [part["$ref"] for part in content.get("anyOf", [content]) if "$ref" in part]
    return "description" in content or any(
        "description" in sections[reference.rpartition("/")[2]] for reference in referred
    )


def test_editors_find_the_schema_from_the_configuration() -> None:
    first = (ROOT / "config.yaml").read_text(encoding="utf-8").splitlines()[0]
    path = first.partition("$schema=")[2]
    schema = json.loads((ROOT / path).read_text(encoding="utf-8"))
    assert schema["title"] == "Config"
    assert schema["additionalProperties"] is False
