"""README.md says what each directory is for."""

import re

from support.project import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
# Of tools, which nobody opens to use the project; results/ is none of git's.
OF_TOOLS = {"__pycache__", "dist"}


def listed() -> set[str]:
    """The directories in the table of the README."""
    table = README.partition("## What is where")[2].partition("\n## ")[0]
    first_cells = re.findall(r"^\| (`.*?) \|", table, re.MULTILINE)
    return {name for cell in first_cells for name in re.findall(r"`([\w-]+)/`", cell)}


def test_it_says_what_each_directory_is_for() -> None:
    visible = {
        path.name for path in ROOT.iterdir() if path.is_dir() and not path.name.startswith(".")
    }
    assert listed() == (visible - OF_TOOLS) | {"results"}
