"""The findings of checks, and how they are shown: as text for a terminal, and as JSON."""

import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

from ecslm.common.errors import InputError, Problem
from ecslm.common.text import number_of

Severity = Literal["ok", "warning", "error"]
# Of names that are alike.
MOST_SHOWN = 3
WIDTH = 100


@dataclass(frozen=True)
class Finding(Problem):
    """What a check found. With an error a run would fail; a warning does not stop it."""

    severity: Severity = "error"
    check: str = ""
    """The check that found it."""
    values: Mapping[str, float] = field(default_factory=dict, hash=False)
    """The numbers in the message, for programs."""


@dataclass(frozen=True)
class Report:
    """What all checks of a study found, for one way to run it."""

    study: str | None
    """The study's name; None if the configuration cannot be read."""
    profile: str
    findings: tuple[Finding, ...]

    @property
    def fails(self) -> bool:
        """Whether a run would fail."""
        return any(one.severity == "error" for one in self.findings)


def ok(message: str, **values: float) -> Finding:
    """A finding about something that is there, or that is only information."""
    return Finding(message, severity="ok", values=values)


def warning(message: str, path: object = "") -> Finding:
    """A finding that does not stop a run."""
    return Finding(message, str(path), severity="warning")


def error(message: str, path: object = "") -> Finding:
    """A finding for which a run would fail."""
    return Finding(message, str(path))


def errors_of(problems: InputError) -> Iterator[Finding]:
    """The lines by which a run would be refused, which say what to do."""
    return (Finding(**(vars(one) | {"path": str(one.path)})) for one in problems.details)


def found_by(check: str, findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The findings of a check, each once, under its name."""
    return tuple(replace(one, check=check) for one in dict.fromkeys(findings))


def shortened(names: Sequence[str]) -> str:
    """The first of some names, and how many more there are."""
    more = len(names) - MOST_SHOWN
    return ", ".join(names[:MOST_SHOWN]) + (f" and {more} more" if more > 0 else "")


def as_text(report: Report) -> str:
    """A paragraph for each finding, by check, and the verdict in the last line."""
    study = "Configuration" if report.study is None else f"Study {report.study}"
    width = max(len(one.check) for one in report.findings)
    lines, before = [f"{study}, profile {report.profile}", ""], ""
    for one in report.findings:
        start = f"{'' if one.check == before else one.check:<{width}}  {one.severity:<7}  "
        lines += textwrap.wrap(
            str(one),
            WIDTH,
            initial_indent=start,
            subsequent_indent=" " * len(start),
            break_on_hyphens=False,
            break_long_words=False,
        )
        before = one.check
    severities = [one.severity for one in report.findings]
    counts = {word: severities.count(word) for word in ("error", "warning")}
    counted = [number_of(number, word) for word, number in counts.items() if number]
    outcome = "a run would fail" if report.fails else "a run can start"
    return "\n".join((*lines, "", f"{outcome}: {', '.join(counted) or 'nothing is missing'}"))


def as_json(report: Report) -> dict[str, Any]:
    """The report, with whether a run would fail."""
    return {"fails": report.fails, **asdict(report)}
