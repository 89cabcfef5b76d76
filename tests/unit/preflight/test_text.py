"""The printed text and the JSON say the same, and the last line is the verdict."""

import json
import re

from hypothesis import given
from hypothesis import strategies as st

from ecslm.preflight.findings import Finding, Report, Section, error, ok, shortened, warning
from ecslm.preflight.text import FORM, as_json, as_text, verdict

WORDS = st.text("abc`:/. -", min_size=1, max_size=90).map(str.strip).filter(bool)
FINDINGS = st.builds(
    Finding,
    severity=st.sampled_from(["ok", "warning", "error"]),
    what=WORDS,
    where=WORDS | st.just(""),
    fix=WORDS | st.just(""),
    values=st.dictionaries(WORDS, st.floats(allow_nan=False, allow_infinity=False), max_size=2),
    details=st.lists(WORDS, max_size=2).map(tuple),
)
SECTIONS = st.builds(
    Section,
    name=st.sampled_from(["jobs", "GPUs", "configuration"]),
    findings=st.lists(FINDINGS, min_size=1, max_size=4).map(tuple),
)
REPORTS = st.builds(
    Report,
    study=st.none() | st.just("shop"),
    profile=st.just("gpu"),
    sections=st.lists(SECTIONS, min_size=1, max_size=4).map(tuple),
)


@given(REPORTS)
def test_the_json_has_the_whole_report_and_whether_a_run_would_fail(report: Report) -> None:
    value = json.loads(json.dumps(as_json(report)))
    assert FORM.validate_python(value) == report
    assert value["fails"] == report.fails


@given(REPORTS)
def test_the_text_has_every_finding_once_in_few_columns(report: Report) -> None:
    text = as_text(report)
    findings = [one for section in report.sections for one in section.findings]
    marks = re.findall(r"^.{4,13}  (ok|warning|error) ", text, re.MULTILINE)
    assert marks == [one.severity for one in findings]
    joined = "".join(text.split())
    for one in findings:
        assert "".join(str(one).split()) in joined
    too_wide = [line for line in text.splitlines() if len(line) > 100]
    # Words are left whole, so that they can be copied.
    assert all(len(line.split()) <= 4 for line in too_wide)
    assert text.splitlines()[-1] == verdict(report)


def test_a_run_fails_for_an_error_alone() -> None:
    def told(*findings: Finding) -> str:
        return verdict(Report("shop", "gpu", (Section("jobs", findings),)))

    assert told(ok("a")) == "a run can start: nothing is missing"
    assert told(ok("a"), warning("b"), warning("c")) == "a run can start: 2 warnings"
    assert told(error("a"), warning("b")) == "a run would fail: 1 error, 1 warning"


def test_findings_are_told_as_all_errors_are() -> None:
    report = Report(
        "shop",
        "gpu",
        (
            Section("jobs", (ok("3: 1 base, 2 adapters"),)),
            Section("GPUs", (error("gpu=3, but there are 2", "profiles/gpu", "set gpu=2"),)),
        ),
    )
    assert as_text(report).splitlines() == [
        "Study shop, profile gpu",
        "",
        "jobs  ok       3: 1 base, 2 adapters",
        "GPUs  error    profiles/gpu: gpu=3, but there are 2: set gpu=2",
        "",
        "a run would fail: 1 error",
    ]


def test_of_many_names_the_first_are_shown() -> None:
    assert shortened(["a", "b", "c"]) == "a, b, c"
    assert shortened(["a", "b", "c", "d", "e"]) == "a, b, c and 2 more"
