"""The randomisation test: enumeration, Monte Carlo, and its size under the null hypothesis."""

import numpy as np
import pytest

from ecslm.comparisons import randomisation
from ecslm.comparisons.proportions import PairedTable, mcnemar_p
from ecslm.comparisons.randomisation import PValue, monte_carlo_p, randomisation_p, slopes
from ecslm.scoring.metrics.protocol import metric
from ecslm.scoring.outcomes import mean_values

# One seed.
MEAN, F1 = ((metric(name), 1) for name in ("accuracy", "binary_f1"))


def mean_sums(values: np.ndarray) -> np.ndarray:
    return np.stack([values, np.ones_like(values)], axis=1)


def test_the_interval_of_a_drawn_p_is_that_of_clopper_and_pearson() -> None:
    # Without any extreme draw the upper end is 1 - 0.025^(1 / draws); tables give 5 of 20 as
    # 0.087 to 0.491.
    assert monte_carlo_p(0, 999) == PValue(0.001, (0.0, pytest.approx(1 - 0.025 ** (1 / 999))))
    found = monte_carlo_p(5, 20)
    assert (found.value, found.interval) == (6 / 21, pytest.approx((0.0866, 0.4910), abs=1e-4))


@pytest.mark.parametrize(
    # Of macro-F1 three classes.
    ("name", "columns"),
    [("accuracy", 2), ("ndcg", 2), ("binary_f1", 4), ("macro_f1", 9), ("extraction_f1", 5)],
)
def test_slopes_are_those_of_the_mean_over_seeds(name: str, columns: int) -> None:
    """Against differences of values; a common scale of all sums changes nothing."""
    measure, seeds = metric(name), 2
    totals = np.random.default_rng(2).integers(1, 40, size=(6, seeds * columns)).astype(float)
    found, step = slopes(measure, totals, seeds), 1e-5
    for column, unit in enumerate(step * np.eye(seeds * columns)):
        higher, lower = (mean_values(measure, totals + sign * unit, seeds) for sign in (1, -1))
        np.testing.assert_allclose(found[:, column], (higher - lower) / (2 * step), atol=1e-8)
    np.testing.assert_allclose((found * totals).sum(axis=-1), np.zeros(6), atol=1e-12)
    # Where the metric is not defined.
    assert (slopes(measure, np.zeros(seeds * columns), seeds) == 0).all()


def of_answers(yes: np.ndarray, says: np.ndarray) -> np.ndarray:
    return np.stack([yes & says, ~yes & says, yes & ~says, ~yes & ~says], axis=1).astype(float)


def test_equal_pairs_are_enumerated_together_even_where_there_are_thousands() -> None:
    first = mean_sums(np.repeat([1.0, 0.0, 1.0, 0.0], [900, 800, 2_000, 1_300]))
    second = mean_sums(np.repeat([0.0, 1.0, 1.0, 0.0], [900, 800, 2_000, 1_300]))
    found = randomisation_p(first, second, *MEAN, permutations=10, seed=0)
    assert found.interval is None
    # Of proportions it is McNemar's exact test.
    assert found.value == pytest.approx(mcnemar_p(PairedTable(2_000, 900, 800, 1_300)))


def test_too_many_exchanges_are_drawn_at_random_and_the_p_has_an_interval(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    generator = np.random.default_rng(5)
    rows = mean_sums(generator.random(10)), mean_sums(generator.random(10) + 0.2)
    exact = randomisation_p(*rows, *MEAN, 1, seed=0)
    monkeypatch.setattr(randomisation, "MOST_CELLS", 10 * 2**10 - 1)
    drawn = randomisation_p(*rows, *MEAN, 4_000, seed=0)
    assert exact.interval is None and drawn.interval is not None
    assert drawn.value == pytest.approx(exact.value, abs=0.03)
    assert drawn.interval[0] < exact.value < drawn.interval[1]


def test_p_of_equal_sides_is_one_and_a_drawn_p_is_never_zero() -> None:
    same = mean_sums(np.linspace(0, 1, 30))
    assert randomisation_p(same, same, *MEAN, 99, seed=0).value == 1
    low, high = mean_sums(np.linspace(0, 1, 60)), mean_sums(np.linspace(2, 9, 60))
    found = randomisation_p(high, low, *MEAN, 99, seed=0)
    assert (found.value, found.interval) == (0.01, (0.0, pytest.approx(0.0366, abs=1e-4)))


def test_neither_the_order_of_records_nor_that_of_the_sides_matters() -> None:
    generator = np.random.default_rng(3)
    first, second = mean_sums(generator.random(50)), mean_sums(generator.random(50))
    one = randomisation_p(first, second, *MEAN, 999, seed=0)
    assert one.interval is not None
    order = generator.permutation(50)
    assert randomisation_p(first[order], second[order], *MEAN, 999, seed=0) == one
    assert randomisation_p(second, first, *MEAN, 999, seed=0) == one


def test_the_size_of_the_parts_does_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = np.random.default_rng(3)
    for records, most in ((12, 1e-12), (50, 0.05)):
        rows = mean_sums(generator.random(records)), mean_sums(generator.random(records))
        whole = randomisation_p(*rows, *MEAN, 2_000, seed=0)
        monkeypatch.setattr(randomisation, "_CELLS_AT_ONCE", records * 7)
        # Coin flips are packed, so that other parts take other bits from the generator.
        parts = randomisation_p(*rows, *MEAN, 2_000, seed=0)
        assert parts.value == pytest.approx(whole.value, abs=most)


def test_other_habits_are_not_mistaken_for_another_f1(monkeypatch: pytest.MonkeyPatch) -> None:
    """A model that always says yes, and a cautious one with the same F1 in the population."""
    # Faster where many samples are tested.
    monkeypatch.setattr(randomisation, "MOST_CELLS", 0)
    generator = np.random.default_rng(19)
    p_values = []
    for _ in range(150):
        yes = generator.random(1_000) < 0.1
        # 2 x 0.1 / (1 + 0.1) = 2 x 0.0109 / (2 x 0.0109 + 0.009 + 0.0891) up to rounding.
        cautious = np.where(yes, generator.random(1_000) < 0.109, generator.random(1_000) < 0.01)
        sides = [of_answers(yes, says) for says in (np.ones(1_000, dtype=bool), cautious)]
        p_values.append(randomisation_p(sides[0], sides[1], *F1, 199, seed=1).value)
    # Not divided by its standard error the difference rejects in a quarter of the samples. Four
    # standard errors of a share of 150.
    assert np.mean(np.array(p_values) <= 0.05) < 0.05 + 0.072
