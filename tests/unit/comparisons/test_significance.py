"""p-values and their Monte Carlo error, the centred bootstrap, and Holm's adjustment."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecslm.comparisons.significance import PValue, centred_bootstrap_p, holm, monte_carlo_p
from ecslm.scoring.intervals import bootstrap_values
from ecslm.scoring.metrics.protocol import metric


def mean_sums(values: np.ndarray) -> np.ndarray:
    return np.stack([values, np.ones_like(values)], axis=1)


def test_the_centred_bootstrap_finds_a_difference() -> None:
    generator = np.random.default_rng(2)
    high, low = mean_sums(generator.random(200) + 0.5), mean_sums(generator.random(200))
    one = bootstrap_values(high, metric("accuracy").values, 999, seed=0)
    other = bootstrap_values(low, metric("accuracy").values, 999, seed=1)
    difference = float(
        metric("accuracy").values(high.sum(axis=0)) - metric("accuracy").values(low.sum(axis=0))
    )
    assert centred_bootstrap_p(difference, one - other).value == 0.001
    assert centred_bootstrap_p(0.0, one - one).value == 1


def test_the_interval_of_a_drawn_p_is_that_of_clopper_and_pearson() -> None:
    # Without any extreme draw the upper end is 1 - 0.025^(1 / draws); tables give 5 of 20 as
    # 0.087 to 0.491.
    assert monte_carlo_p(0, 999) == PValue(0.001, (0.0, pytest.approx(1 - 0.025 ** (1 / 999))))
    found = monte_carlo_p(5, 20)
    assert (found.value, found.interval) == (6 / 21, pytest.approx((0.0866, 0.4910), abs=1e-4))


def test_holm_known_values() -> None:
    # 0.01 x 4, 0.02 x 3, 0.03 x 2, and 0.04 raised to the step before it.
    assert holm([0.04, 0.01, 0.03, 0.02]) == pytest.approx([0.06, 0.04, 0.06, 0.06])
    assert holm([0.5, 0.9]) == pytest.approx([1.0, 1.0])
    assert holm([0.2]) == [0.2]
    assert holm([]) == []


@given(p_values=st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_holm_never_lowers_a_p_value_and_keeps_their_order(p_values: list[float]) -> None:
    adjusted = holm(p_values)
    assert all(low <= high <= 1 for low, high in zip(p_values, adjusted, strict=True))
    by_p = [high for _, high in sorted(zip(p_values, adjusted, strict=True))]
    assert by_p == sorted(by_p)
    # Bonferroni is never less strict.
    assert min(adjusted) == pytest.approx(min(1, min(p_values) * len(p_values)))
