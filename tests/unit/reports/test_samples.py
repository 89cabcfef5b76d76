from pathlib import Path

import pytest
from support.report_files import report_settings

from ecslm.reports.samples import read_samples, readable


@pytest.mark.parametrize(
    ("count", "verdicts"),
    [(0, ""), (1, "i"), (2, "ir"), (3, "iir"), (9, "iirr")],
)
def test_there_are_as_many_as_configured_the_worst_first_with_the_answers_of_all_models(
    count: int, verdicts: str, results: Path
) -> None:
    found = read_samples(results, report_settings(samples=count))
    assert "".join(one.answers[0].verdict[0] for one in found) == verdicts
    assert len({one.record.id for one in found}) == len(found)
    for sample in found:
        assert [answer.model for answer in sample.answers] == ["Small-EC", "Small"]
        assert (sample.answers[1].verdict, sample.record.output) == ("wrong", "yes")


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ('{"a": {"b": "c", "d": [1, null]}, "e": "f"}', ["a: b: c, d: 1; null", "e: f"]),
        ('[{"a": "b"}, "c"]', ["a: b", "c"]),
        *((text, [text]) for text in ("A: yes", "17", "{broken", "")),
    ],
)
def test_texts_in_json_are_lines_of_names_and_values(text: str, lines: list[str]) -> None:
    assert readable(text).split("\n") == lines
