"""Outcomes files: each record's terms in a metric, for one model and its seeds, and its score over
them: mean, standard deviation, and interval of the mean.

The interval resamples records, each with the outcomes of all seeds, and seeds. So it shows how much
the mean would vary with other test records and other training runs.
"""

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ecslm.common.errors import InputError
from ecslm.common.rows import read_rows
from ecslm.schemas.metrics_file import OutcomeRow, OverSeedsFile, SettingOverSeeds, StrictScore
from ecslm.schemas.paths import RECORDS
from ecslm.scoring import intervals
from ecslm.scoring.metrics.protocol import Array, Metric, column_totals, metric
from ecslm.scoring.settings import OverSeedsSettings, ScoringSettings


@dataclass(frozen=True)
class Outcomes:
    """The outcomes of one setting, by sample, for each seed; all seeds have the same samples."""

    seeds: tuple[Mapping[str, OutcomeRow], ...]

    @property
    def samples(self) -> list[str]:
        """The samples, sorted."""
        return sorted(self.seeds[0])

    def sums(self, measure: Metric, samples: Sequence[str]) -> Array:
        """The terms of these samples, seed by seed: shape (samples, seeds x columns)."""
        return np.concatenate(
            [measure.sums([seed[one].outcome for one in samples]) for seed in self.seeds], axis=1
        )

    def qualities(self, measure: Metric, samples: Sequence[str]) -> Array:
        """How good the answers are, mean over seeds: shape (samples,)."""
        by_seed = [[measure.quality(seed[one].outcome) for one in samples] for seed in self.seeds]
        found: Array = np.mean(by_seed, axis=0)
        return found

    def answers(self, samples: Sequence[str]) -> list[list[str | None]]:
        """The digests of the answers to these samples, for each seed."""
        return [[seed[one].answer for one in samples] for seed in self.seeds]


def read_outcome_rows(path: Path) -> list[OutcomeRow]:
    """Read the rows of an outcomes file.

    Raises:
        InputError: the file is missing, altered, empty or invalid.
    """
    manifest = path.with_name(f"{path.name.removesuffix(RECORDS)}.manifest.json")
    return [row for _, row in read_rows(path, OutcomeRow, some="outcomes", manifest=manifest)]


def read_outcomes(paths: Sequence[Path]) -> dict[str, Outcomes]:
    """Read the outcomes of one model and task by setting, from one file per seed.

    Raises:
        InputError: a file is missing, altered or invalid, or the files have different samples.
    """
    files = [read_outcome_rows(path) for path in paths]
    names = [{(row.setting, row.sample_id) for row in rows} for rows in files]
    for path, own in zip(paths, names, strict=True):
        if own != names[0]:
            raise InputError(f"{path}: other samples or settings than {paths[0]}: score both again")
    found: dict[str, Outcomes] = {}
    for setting in sorted({setting for setting, _ in names[0]}):
        by_seed = ([row for row in rows if row.setting == setting] for rows in files)
        found[setting] = Outcomes(tuple({row.sample_id: row for row in one} for one in by_seed))
    return found


def seed_values(measure: Metric, totals: Array, seeds: int) -> Array:
    """The metric of each seed, shape (..., seeds x columns) to (..., seeds).

    An undefined value counts as 0.
    """
    return np.nan_to_num(measure.values(totals.reshape(*totals.shape[:-1], seeds, -1)))


def mean_values(measure: Metric, totals: Array, seeds: int) -> Array:
    """The mean of the metric over seeds, shape (..., seeds x columns) to (...)."""
    found: Array = seed_values(measure, totals, seeds).mean(axis=-1)
    return found


def over_seeds(
    outcomes: Mapping[str, Outcomes],
    task: str,
    model: str | None,
    seeds: Sequence[int],
    settings: OverSeedsSettings,
) -> OverSeedsFile:
    """Compute the content of `metrics/{model}/over-seeds/{task}.json`."""
    measure, scoring = metric(settings.metric), settings.scoring
    blocks = {setting: _block(one, measure, scoring) for setting, one in outcomes.items()}
    known: dict[str, Any] = {"task": task, "model": model, "seeds": list(seeds)}
    return OverSeedsFile(**known, metric=measure.NAME, settings=blocks)


def _block(outcomes: Outcomes, measure: Metric, settings: ScoringSettings) -> SettingOverSeeds:
    """The strict score of one setting. A seed's undefined value counts as 0, as in its own file."""
    seeds = len(outcomes.seeds)
    sums = outcomes.sums(measure, outcomes.samples)
    totals = column_totals(sums)
    by_seed = seed_values(measure, totals, seeds).tolist()
    value = statistics.fmean(by_seed)
    drawn = intervals.bootstrap_values(
        sums, lambda some: seed_values(measure, some, seeds), settings.resamples, settings.seed
    )
    resampled = means_of_drawn_seeds(drawn, settings.seed)
    own_totals = totals.reshape(seeds, -1)
    defined = bool(np.isfinite(measure.values(own_totals)).all())
    reliable = intervals.bootstrap_is_reliable(len(sums), measure.rarest(own_totals[0]), resampled)
    ci95 = intervals.bootstrap_interval(value, resampled, len(sums)) if defined else None
    details = {"by_seed": by_seed, "interval": {"method": "bootstrap", "reliable": reliable}}
    sd = statistics.stdev(by_seed)
    score = StrictScore(value=value, defined=defined, sd=sd, ci95=ci95, details=details)
    return SettingOverSeeds(n=len(sums), strict=score)


def means_of_drawn_seeds(by_seed: Array, seed: int) -> Array:
    """Means over seeds drawn with replacement, shape (resamples, seeds) to (resamples,).

    Means of so few drawn values vary less than means of new ones, by (seeds - 1) / seeds: their
    distances from the mean over all seeds are raised accordingly.

    Source: Owen, The pigeonhole bootstrap, Annals of Applied Statistics 1(2), 2007; Davison and
    Hinkley, Bootstrap methods and their application, 1997, section 3.8 (the factor).
    """
    seeds = by_seed.shape[1]
    # Another stream than that of the records.
    generator = np.random.default_rng((seed, 1))
    counts = generator.multinomial(seeds, np.full(seeds, 1 / seeds), size=len(by_seed))
    mean = by_seed.mean(axis=1)
    away = (by_seed * counts).mean(axis=1) - mean
    found: Array = np.clip(mean + math.sqrt(seeds / (seeds - 1)) * away, 0, 1)
    return found
