from pathlib import Path

import pytest
from support.report_files import report_settings, write_results

from ecslm.common.errors import InputError
from ecslm.reports.samples import TaskSamples, read_samples


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """The results of a small study."""
    return write_results(tmp_path / "demo")


def samples(results: Path, count: int) -> TaskSamples:
    (found,) = read_samples(results, report_settings(samples=count))
    return found


def test_a_record_has_the_answers_of_all_models_in_their_order(results: Path) -> None:
    for sample in samples(results, 4).samples:
        assert [answer.model for answer in sample.answers] == ["Small", "Small-EC"]
        assert sample.answers[0].verdict == "wrong"
        assert sample.answers[1].verdict in ("right", "invalid")
        assert sample.reference == "yes"


def test_there_are_as_many_as_configured_and_no_record_twice(results: Path) -> None:
    assert [len(samples(results, count).samples) for count in (1, 3, 9)] == [1, 3, 4]
    assert read_samples(results, report_settings(samples=0)) == []


def test_what_models_answer_best_and_worst_comes_first(results: Path) -> None:
    """Of Small all are equal, and taken by their ids: the first, the last, the second."""
    found = [sample.answers[1].verdict for sample in samples(results, 3).samples]
    assert found == ["right", "invalid", "invalid"]


@pytest.mark.parametrize("model", ["Small/seed-0", "Small-EC/seed-42"])
def test_an_outcome_without_prediction_is_named(model: str, results: Path) -> None:
    path = results / f"metrics/{model}/PM.records.jsonl"
    path.write_text(path.read_text().replace("PM-test-3", "PM-test-9"))
    with pytest.raises(InputError, match="PM-test-9: has no prediction"):
        samples(results, 2)


def test_an_outcome_without_a_record_is_named(results: Path) -> None:
    path = results / "dataset/PM/test.jsonl"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-1]))
    with pytest.raises(InputError, match="PM-test-3: has no record"):
        samples(results, 2)


def test_outcomes_that_are_not_of_the_metric_are_named(results: Path) -> None:
    path = results / "metrics/Small-EC/seed-42/PM.records.jsonl"
    path.write_text(path.read_text().replace('"tn"', '"true_negative"'))
    with pytest.raises(InputError, match="line 1: not an outcome of F1"):
        samples(results, 2)
