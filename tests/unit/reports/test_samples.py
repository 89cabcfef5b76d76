from pathlib import Path

import pytest
from support.report_files import report_settings, write_records

from ecslm.reports.samples import read_samples, readable, verdict_on


@pytest.mark.parametrize(
    ("count", "verdicts"), [(0, ""), (1, "i"), (2, "ir"), (3, "iir"), (9, "iirr")]
)
def test_there_are_as_many_as_configured_the_worst_first_with_the_answers_of_all_models(
    count: int, verdicts: str, results: Path
) -> None:
    write_records(results, report_settings())
    found = read_samples(results, report_settings(samples=count))
    assert "".join(verdict_on(answers[0])[0] for answers in found) == verdicts
    assert len({answers[0]["id"] for answers in found}) == len(found)
    for answers in found:
        assert [answer["model"] for answer in answers] == ["Small-EC", "Small"]
        assert (verdict_on(answers[1]), answers[1]["reference"]) == ("wrong", "yes")


def test_texts_in_json_are_lines_of_names_and_values() -> None:
    fields = readable('{"a": {"b": "c", "d": [1, null]}, "e:": "f"}')
    assert fields == "a: b: c; d: 1; null\ne: f"
    assert readable('[{"a": "b"}, "c"]') == "a: b\nc"
    for text in ("A: yes", "17", "{broken", ""):
        assert readable(text) == text
