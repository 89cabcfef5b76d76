"""The findings of checks, from which both the printed text and the JSON are made."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from ecslm.common.errors import InputError

Severity = Literal["ok", "warning", "error"]
# Of names that are alike.
MOST_SHOWN = 3


@dataclass(frozen=True)
class Finding:
    """One thing that a run needs. With an error it would fail; a warning does not stop it."""

    severity: Severity
    what: str
    where: str = ""
    """The key, file or thing that it is about, if `what` does not say it."""
    fix: str = ""
    """What to do about it; empty if nothing, or if `what` says it."""
    values: Mapping[str, float] = field(default_factory=dict, hash=False)
    """The numbers in `what`, for programs."""
    details: tuple[str, ...] = ()
    """Lines that are too long to be printed, for `--json`."""

    def __str__(self) -> str:
        """`where: what: fix`, as in all errors of the project."""
        return ": ".join(part for part in (self.where, self.what, self.fix) if part)


@dataclass(frozen=True)
class Section:
    """What one check found."""

    name: str
    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class Report:
    """What all checks of a study found, for one way to run it."""

    study: str | None
    """The study's name; None if the configuration cannot be read."""
    profile: str
    sections: tuple[Section, ...]

    def count(self, severity: Severity) -> int:
        """How many findings of a severity there are."""
        found = (finding for section in self.sections for finding in section.findings)
        return sum(finding.severity == severity for finding in found)

    @property
    def fails(self) -> bool:
        """Whether a run would fail."""
        return self.count("error") > 0


def ok(what: str, **values: float) -> Finding:
    """A finding about something that is there, or that is only information."""
    return Finding("ok", what, values=values)


def warning(what: str, where: str = "", fix: str = "") -> Finding:
    """A finding that does not stop a run."""
    return Finding("warning", what, where, fix)


def error(what: str, where: str = "", fix: str = "") -> Finding:
    """A finding for which a run would fail."""
    return Finding("error", what, where, fix)


def errors_of(problems: InputError) -> Iterator[Finding]:
    """The lines by which a run would be refused, which say what to do."""
    for problem in problems.details:
        line = "" if problem.line is None else f"line {problem.line}"
        where = ": ".join(filter(None, (str(problem.path), line, problem.field)))
        yield error(problem.message, where)


def shortened(names: Sequence[str]) -> str:
    """The first of some names, and how many more there are."""
    more = len(names) - MOST_SHOWN
    return ", ".join(names[:MOST_SHOWN]) + (f" and {more} more" if more > 0 else "")
