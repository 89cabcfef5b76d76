from pathlib import Path

import pytest
from support.report_files import report_settings, write_results

from ecslm.common.errors import InputError
from ecslm.reports.samples import Sample, read_samples, readable


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """The results of a small study."""
    return write_results(tmp_path / "demo")


def samples(results: Path, count: int) -> list[Sample]:
    return read_samples(results, report_settings(samples=count))


def test_a_record_has_the_answers_of_all_models_that_of_the_answer_first(results: Path) -> None:
    for sample in samples(results, 4):
        assert [answer.model for answer in sample.answers] == ["Small-EC", "Small"]
        assert sample.answers[0].verdict in ("right", "invalid")
        assert sample.answers[1].verdict == "wrong"
        assert sample.record.output == "yes"


def test_there_are_as_many_as_configured_the_worst_first_and_no_record_twice(
    results: Path,
) -> None:
    found = {count: samples(results, count) for count in (0, 1, 2, 3, 9)}
    assert [len(of) for of in found.values()] == [0, 1, 2, 3, 4]
    assert len({sample.record.id for sample in found[9]}) == 4
    verdicts = {count: [one.answers[0].verdict for one in of] for count, of in found.items()}
    assert verdicts[2] == ["invalid", "right"]
    assert verdicts[9] == ["invalid", "invalid", "right", "right"]


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ('{"a": {"b": "c", "d": [1, null]}, "e": "f"}', ["a: b: c, d: 1; null", "e: f"]),
        ('[{"a": "b"}, "c"]', ["a: b", "c"]),
        ("A: yes", ["A: yes"]),
        ("17", ["17"]),
        ("{broken", ["{broken"]),
        ("", [""]),
    ],
)
def test_texts_in_json_are_lines_of_names_and_values(text: str, lines: list[str]) -> None:
    assert readable(text).split("\n") == lines


@pytest.mark.parametrize(
    ("path", "old", "new", "problem"),
    [
        ("metrics/Small/seed-0/PM.records.jsonl", "PM-test-3", "PM-test-9", "has no prediction"),
        ("dataset/PM/test.jsonl", "PM-test-3", "PM-test-9", "PM-test-3: has no record"),
        ("metrics/Small-EC/seed-42/PM.records.jsonl", '"tn"', '"x"', "line 1: not an outcome"),
    ],
)
def test_files_that_do_not_match_are_named(
    path: str, old: str, new: str, problem: str, results: Path
) -> None:
    (results / path).write_text((results / path).read_text().replace(old, new))
    with pytest.raises(InputError, match=problem):
        samples(results, 2)
