"""Every metric of the registry: what the rest of the project asks of its module."""

import pytest
from support.scoring_examples import TASKS, example, example_outcomes, scored

from ecslm.schemas.metrics_file import MetricsFile, Outcome, OutcomeRow
from ecslm.schemas.task import METRICS
from ecslm.scoring.metrics.protocol import metric

ALL = pytest.mark.parametrize("name", METRICS)


@ALL
def test_a_right_answer_is_better_than_a_wrong_one_and_an_invalid_one_is_worst(name: str) -> None:
    right, wrong, invalid = map(metric(name).quality, example_outcomes(name, "rwi"))
    assert right == 1
    assert 0 <= wrong < 1
    assert invalid == 0


@ALL
def test_an_outcome_that_lacks_a_number_is_never_taken_for_a_wrong_one(name: str) -> None:
    """Of tp, fp, fn and tn, all must be there: `sums`, which the reader asks, needs them all."""
    (outcome,) = example_outcomes(name, "r")
    for field in outcome:
        rest = {key: value for key, value in outcome.items() if key != field}
        with pytest.raises(KeyError):
            metric(name).sums([rest])


@pytest.mark.parametrize(
    ("name", "outcome", "quality"),
    [
        ("ndcg", {"gain": 0.8}, 0.8),
        ("binary_f1", {"tp": 0, "fp": 1, "fn": 0, "tn": 0}, 0.0),
        ("macro_f1", {"tp": {"A": 1}, "fp": {}, "fn": {}}, 1.0),
        ("macro_f1", {"tp": {}, "fp": {"B": 0.5, "C": 0.5}, "fn": {"A": 1}}, 0.0),
        ("extraction_f1", {"nv": 1, "iv": 0, "cv": 2, "wv": 1, "nl": 0}, 0.75),
        ("extraction_f1", {"nv": 0, "iv": 0, "cv": 0, "wv": 0, "nl": 0}, 0.0),
    ],
)
def test_the_quality_of_an_outcome(name: str, outcome: Outcome, quality: float) -> None:
    assert metric(name).quality(outcome) == quality


@pytest.mark.parametrize("code", TASKS)
def test_the_files_of_a_score_are_read_back_as_they_were_written(code: str) -> None:
    given, extra = example(code, "rrwi")
    scores = scored(code, given, **extra)
    text = scores.metrics.model_dump_json()
    assert MetricsFile.model_validate_json(text).model_dump_json() == text
    for row in scores.outcomes:
        line = row.model_dump_json()
        assert OutcomeRow.model_validate_json(line).model_dump_json() == line
