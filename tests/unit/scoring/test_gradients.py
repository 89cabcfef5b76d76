"""Derivatives of the metrics by their sums, against differences of values."""

import numpy as np
import pytest
from support.scoring_examples import example_outcomes

from ecslm.schemas.task import METRICS
from ecslm.scoring.metrics.protocol import metric

COLUMNS = {name: metric(name).sums(example_outcomes(name, "rw")).shape[1] for name in METRICS}
# Three classes, so that they may differ.
COLUMNS["macro_f1"] = 9


@pytest.mark.parametrize("name", sorted(COLUMNS))
def test_gradients_are_those_of_the_values(name: str) -> None:
    measure = metric(name)
    totals = np.random.default_rng(2).integers(1, 40, size=(6, COLUMNS[name])).astype(float)
    step = 1e-5
    for column in range(COLUMNS[name]):
        shift = step * np.eye(COLUMNS[name])[column]
        slope = (measure.values(totals + shift) - measure.values(totals - shift)) / (2 * step)
        np.testing.assert_allclose(measure.gradient(totals)[:, column], slope, atol=1e-8)


@pytest.mark.parametrize("name", sorted(COLUMNS))
def test_a_common_scale_of_the_sums_changes_nothing(name: str) -> None:
    measure = metric(name)
    totals = np.random.default_rng(3).integers(1, 40, size=(6, COLUMNS[name])).astype(float)
    np.testing.assert_allclose(measure.values(3 * totals), measure.values(totals))
    influence = (measure.gradient(totals) * totals).sum(axis=-1)
    np.testing.assert_allclose(influence, np.zeros(6), atol=1e-12)
