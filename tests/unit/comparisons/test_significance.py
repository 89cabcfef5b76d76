"""p-values and their Monte Carlo error, the centred bootstrap, and Holm's adjustment."""

import pytest

from ecslm.comparisons.significance import PValue, holm, monte_carlo_p


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
