"""Intervals and tests of proportions: published examples, and intervals beside McNemar's test."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecslm.comparisons.proportions import (
    PairedTable,
    consistent_interval,
    mcnemar_p,
    newcombe_interval,
    newcombe_p,
    newcombe_paired_interval,
)
from ecslm.scoring.intervals import wilson_interval


def test_newcombe_known_values() -> None:
    # Newcombe 1998, table II, method 10: 56/70 - 48/80, 9/10 - 3/10, 10/10 - 0/10.
    for (hits, records), (other_hits, others), expected in (
        ((56, 70), (48, 80), (0.0524, 0.3339)),
        ((9, 10), (3, 10), (0.1705, 0.8090)),
        ((10, 10), (0, 10), (0.6075, 1.0)),
    ):
        counts = (hits, records), (other_hits, others)
        intervals = tuple(wilson_interval(*one, 0.95) for one in counts)
        found = newcombe_interval((hits / records, other_hits / others), intervals)
        assert found == pytest.approx(expected, abs=5e-5)


def wilson_p(hits: int, records: int, other_hits: int, others: int) -> float:
    counts = (hits, records), (other_hits, others)
    values = hits / records, other_hits / others
    return newcombe_p(values, lambda of: tuple(wilson_interval(*one, of) for one in counts))


def test_newcombe_p_is_where_the_interval_ends_at_zero() -> None:
    p = wilson_p(56, 70, 48, 80)
    intervals = wilson_interval(56, 70, 1 - p), wilson_interval(48, 80, 1 - p)
    assert newcombe_interval((56 / 70, 48 / 80), intervals)[0] == pytest.approx(0, abs=1e-9)
    assert 0.001 < p < 0.05  # its 95 % interval leaves 0 out
    assert wilson_p(48, 80, 56, 70) == pytest.approx(p)
    assert wilson_p(5, 10, 50, 100) == 1
    assert 0 < wilson_p(5_000, 5_000, 0, 5_000) < 1e-9


def discordant(first_only: int, second_only: int) -> PairedTable:
    return PairedTable(3, first_only, second_only, 4)


def test_mcnemar_known_values() -> None:
    # Twice the lower tail of Binomial(10, 1/2) at 2: 2 * (1 + 10 + 45) / 1024.
    assert mcnemar_p(discordant(2, 8)) == pytest.approx(112 / 1024)
    assert mcnemar_p(discordant(8, 2)) == mcnemar_p(discordant(2, 8))
    assert mcnemar_p(discordant(0, 5)) == pytest.approx(2 / 32)
    assert mcnemar_p(discordant(4, 4)) == 1
    assert mcnemar_p(discordant(0, 0)) == 1


@pytest.mark.parametrize(
    ("table", "low", "high"),
    [
        # Altman, Machin, Bryant and Gardner, Statistics with confidence, 2000, table 6.2.
        ((14, 5, 0, 22), 0.011, 0.226),
        # Fagerland, Lydersen and Laake, Recommended tests and confidence intervals for paired
        # binomial proportions, Statistics in Medicine 33, 2014: their two examples.
        ((1, 1, 7, 12), -0.507, -0.026),
        ((59, 6, 16, 80), -0.119, -0.005),
    ],
)
def test_the_paired_interval_has_the_published_values(
    table: tuple[int, int, int, int], low: float, high: float
) -> None:
    found = newcombe_paired_interval(PairedTable(*table), 0.95)
    assert found == pytest.approx((low, high), abs=6e-4)


TABLES = st.builds(PairedTable, *[st.integers(0, 60)] * 4).filter(any)


@given(TABLES)
def test_the_paired_interval_is_mirrored_with_the_sides(table: PairedTable) -> None:
    mirrored = PairedTable(table.both, table.second_only, table.first_only, table.neither)
    low, high = consistent_interval(table, 0.95)
    assert -1 <= low <= (table.first_only - table.second_only) / sum(table) <= high <= 1
    assert consistent_interval(mirrored, 0.95) == pytest.approx((-high, -low), abs=1e-12)


@given(TABLES)
def test_interval_and_test_never_contradict_each_other(table: PairedTable) -> None:
    low, high = consistent_interval(table, 0.95)
    assert (low <= 0 <= high) == (mcnemar_p(table) > 0.05)
