"""What the Makefile offers: its targets, and the variables that each of them takes."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from support.project import ROOT

TEXT = (ROOT / "Makefile").read_text(encoding="utf-8").replace("\\\n", "")
# Those that the Makefile sets, and that nobody gives.
OWN = {"BIN", "PYTHON", "MAKEFILE_LIST", "MAKE"}


@dataclass(frozen=True)
class Target:
    """A target that users call: what its comment says, and the variables that its recipe uses."""

    name: str
    purpose: str
    said: tuple[str, ...]
    used: frozenset[str]


def phony_targets() -> list[str]:
    """The targets that are no files."""
    return re.findall(r"^\.PHONY:(.*)", TEXT, re.MULTILINE)[0].split()


def targets() -> dict[str, Target]:
    """Targets with a comment, by name."""
    found = {}
    pattern = re.compile(r"^([a-z-]+):[^#\n]* ## ([^|\n]*)(?:\| ([^\n]*))?\n((?:\t.*\n)*)", re.M)
    for name, purpose, said, recipe in pattern.findall(TEXT):
        used = frozenset(_variables(recipe) - OWN)
        found[name] = Target(name, purpose.strip(), tuple(said.split()), used)
    return found


def explained_variables() -> Mapping[str, str]:
    """An example of each variable that a user gives, by its name."""
    return dict(re.findall(r"^##= (\w+)=(\S+) +\S", TEXT, re.MULTILINE))


def _variables(recipe: str) -> set[str]:
    """Those that a text expands, also within others."""
    found = set(re.findall(r"\$\((?:call option,[^,)]*,)?(\w+)\)", recipe))
    for name in tuple(found):
        for value in re.findall(rf"^{name} = (.*)", TEXT, re.MULTILINE):
            found = (found - {name}) | _variables(value)
    return found
