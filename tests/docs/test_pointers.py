"""Where a page names a definition and its file, as `Course` in `training/course.py`, it is so."""

import re

import pytest
from support.pages import pages
from support.project import ROOT, SCRIPTS

# One name or several, and then the file, from the root of the project or of the library.
POINTER = re.compile(r"((?:`[\w.]+`(?:, | and )?)+) (?:in |of |\()`([\w/]+\.(?:py|smk))`")
POINTERS = [
    (f"{page}: {name}", name, file)
    for page in pages()
    for names, file in POINTER.findall(" ".join(page.path.read_text(encoding="utf-8").split()))
    for name in re.findall(r"[\w.]+", names.replace(" and ", " "))
]


@pytest.mark.parametrize(
    ("name", "file"), [one[1:] for one in POINTERS], ids=[x for x, *_ in POINTERS]
)
def test_a_definition_is_in_the_file_that_a_page_names(name: str, file: str) -> None:
    (path,) = [root / file for root in (ROOT, SCRIPTS / "ecslm") if (root / file).exists()]
    code = path.read_text(encoding="utf-8")
    for part in name.split("."):
        assert re.search(rf"^ *(?:class|def|rule) {part}\b|^{part}\b.* = ", code, re.MULTILINE)
