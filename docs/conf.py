"""The documentation as a searchable site: `make docs` writes it to dist/docs/."""

import re
from pathlib import Path

from sphinx.application import Sphinx

ROOT = Path(__file__).parents[1]
REPORT = ROOT / "results/demo/report.html"

project = "ecslm"
extensions = ["myst_parser"]
html_theme = "furo"
html_title = "ecslm"
root_doc = "README"
include_patterns = ["*.md", "docs/*.md", "benchmarks/*.md", "resources/*/*.md"]
exclude_patterns = [".*", "dist", "results", "scripts", "tests"]
# Headings that links name, as GitHub makes their anchors.
myst_heading_anchors = 4
# A quotation over several lines of a shell.
suppress_warnings = ["misc.highlighting_failure"]
# A finished demo is an example: its page, its PDF and the numbers of its tables.
html_extra_path = [str(path) for path in (REPORT, REPORT.with_suffix(".pdf")) if path.exists()]

CONTENTS = """
```{{toctree}}
:hidden:
{pages}
```
"""
EXAMPLE = '\nAn example: <a href="report.html">the report of the demo</a>.\n'


def add_contents(app: Sphinx, page: str, source: list[str]) -> None:
    """On the first page, all others for navigation, in the order of its links; the demo's report,
    if there is one."""
    if page != root_doc:
        return
    others = app.env.found_docs - {root_doc}
    linked = (link for link in re.findall(r"\(([\w/-]+)\.md\)", source[0]) if link in others)
    pages = dict.fromkeys((*linked, *sorted(others)))
    source[0] += EXAMPLE if REPORT.exists() else ""
    source[0] += CONTENTS.format(pages="\n".join(f"/{one}" for one in pages))


def setup(app: Sphinx) -> None:
    """Called by Sphinx."""
    app.connect("source-read", add_contents)
