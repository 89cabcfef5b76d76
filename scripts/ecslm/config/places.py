"""The keys of a configuration with the places where they stand, and problems with their places."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ecslm.common.errors import InputError, Problem


@dataclass(frozen=True)
class Place:
    """The place of a key: a file and a line."""

    path: str
    line: int

    def __str__(self) -> str:
        """The place as errors show it: `FILE: line N`."""
        return f"{self.path}: line {self.line}"


@dataclass(frozen=True)
class Content:
    """The keys of a configuration, as read, and the place of each by its dotted path, if it stands
    in a file."""

    values: dict[str, Any]
    places: Mapping[str, Place] = field(default_factory=dict)

    @property
    def studies(self) -> dict[str, Any]:
        """The keys below `studies`; none if these are no section."""
        found = self.values.get("studies")
        return found if isinstance(found, dict) else {}

    def with_over(self, over: "Content") -> "Content":
        """These keys under others: mappings are merged key by key, other values are replaced."""
        return Content(_merged(self.values, over.values), {**self.places, **over.places})

    def with_values(self, values: Mapping[str, Any]) -> "Content":
        """These keys under values that stand in no file, those of the command line."""
        places = {
            path: place
            for path, place in self.places.items()
            if path.partition(".")[0] not in values
        }
        return Content(_merged(self.values, dict(values)), places)

    def located(self, error: InputError) -> InputError:
        """The same problems, each with the place of the key that it begins with, or of the nearest
        key around that; keys that are quoted in it get their place too. Those of files stay as they
        are."""
        return InputError(*(one if one.path else self._located(one) for one in error.details))

    def _located(self, problem: Problem) -> Problem:
        message = re.sub(r"`([^`]+\.[^`]+)`", self._quoted, problem.message)
        # Control characters are shown, not sent to the terminal.
        message = "".join(one if one.isprintable() else repr(one)[1:-1] for one in message)
        place = self._place(problem.message)
        if place is None:
            return replace(problem, message=message)
        return Problem(message, place.path, place.line)

    def _place(self, message: str) -> Place | None:
        """The place of the key that a message begins with, or of the nearest key around it."""
        key = message.partition(": ")[0]
        while key and key not in self.places:
            key = key.rpartition(".")[0]
        return self.places.get(key)

    def _quoted(self, match: re.Match[str]) -> str:
        place = self.places.get(match[1])
        return match[0] if place is None else f"{match[0]} ({place})"


def _merged(under: Any, over: Any) -> Any:
    """Mappings are merged key by key; any other value is replaced by `over`."""
    if not (isinstance(under, dict) and isinstance(over, dict)):
        return over
    return under | {key: _merged(under.get(key), value) for key, value in over.items()}
