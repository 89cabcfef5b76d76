"""The schema of the configuration, as editors and readers use it."""

from pathlib import Path

from support.project import ROOT
from support.scripts import run_script


def test_the_schema_file_and_the_page_are_in_step_with_the_code(tmp_path: Path) -> None:
    files = {"--output": "resources/config.schema.json", "--markdown": "docs/configuration.md"}
    written = {option: tmp_path / Path(file).name for option, file in files.items()}
    options = [one for option in written.items() for one in option]
    run_script("config_schema.py", *options).check_returncode()
    for option, file in files.items():
        same = written[option].read_bytes() == (ROOT / file).read_bytes()
        assert same, f"{file}: run scripts/config_schema.py"


def test_editors_find_the_schema_from_the_configuration() -> None:
    first = (ROOT / "config.yaml").read_text(encoding="utf-8").splitlines()[0]
    assert first.partition("$schema=")[2] == "resources/config.schema.json"
