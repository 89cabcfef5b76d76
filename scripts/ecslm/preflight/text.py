"""A report as text for a terminal, and as JSON."""

import textwrap
from collections.abc import Iterator
from typing import Any

from pydantic import TypeAdapter

from ecslm.common.text import number_of
from ecslm.preflight.findings import Report, Section

WIDTH = 100
MARK = len("warning")
FORM = TypeAdapter(Report)


def as_text(report: Report) -> str:
    """A paragraph for each finding, by section, and the verdict in the last line."""
    study = "Configuration" if report.study is None else f"Study {report.study}"
    width = max(len(section.name) for section in report.sections)
    lines = [line for section in report.sections for line in _lines(section, width)]
    return "\n".join((f"{study}, profile {report.profile}", "", *lines, "", verdict(report)))


def verdict(report: Report) -> str:
    """What a run would do, and how much was found."""
    outcome = "a run would fail" if report.fails else "a run can start"
    errors, warnings = report.count("error"), report.count("warning")
    counted = [
        number_of(number, word)
        for number, word in ((errors, "error"), (warnings, "warning"))
        if number
    ]
    return f"{outcome}: {', '.join(counted)}" if counted else f"{outcome}: nothing is missing"


def as_json(report: Report) -> dict[str, Any]:
    """The report, with whether a run would fail."""
    return {"fails": report.fails, **FORM.dump_python(report, mode="json")}


def _lines(section: Section, width: int) -> Iterator[str]:
    name = section.name
    for finding in section.findings:
        start = f"{name:<{width}}  {finding.severity:<{MARK}}  "
        yield textwrap.fill(
            str(finding),
            WIDTH,
            initial_indent=start,
            subsequent_indent=" " * len(start),
            break_on_hyphens=False,
            break_long_words=False,
        )
        name = ""
