"""docs/troubleshooting.md: each message that it explains is one that the program prints."""

import ast
import re
from functools import cache

import pytest
from support.project import ROOT

PAGE = ROOT / "docs/troubleshooting.md"
# Of a name or a number, in the page and in the texts of the code.
HOLE = "..."
# Words of other programs.
FOREIGN = ("python3.11: No such file or directory", "No space left on device")


def messages() -> list[str]:
    """The messages in bold, without those of other programs."""
    bold = re.findall(r"\*\*(`+) ?(.+?) ?\1\.?\*\*", PAGE.read_text(encoding="utf-8"))
    return [text for _, text in bold if text not in FOREIGN]


@cache
def texts() -> tuple[str, ...]:
    """All texts in the code, with holes for what is filled in; those that are joined, as one."""
    found = []
    for path in (ROOT / "scripts").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match node:
                case ast.JoinedStr(values):
                    parts = (p.value if isinstance(p, ast.Constant) else HOLE for p in values)
                    found.append("".join(map(str, parts)))
                case ast.Constant(str(text)):
                    found.append(text)
    return tuple(found)


def printed(message: str) -> bool:
    """Whether a text of the code contains all of its words, in order."""
    pieces = [re.escape(piece.strip(" :")) for piece in message.split(HOLE)]
    pattern = re.compile(".*".join(piece for piece in pieces if piece), re.DOTALL)
    return any(pattern.search(text) for text in texts())


@pytest.mark.parametrize("message", messages())
def test_a_message_that_is_explained_is_printed(message: str) -> None:
    assert printed(message)
