"""The score of a model over its seeds: mean, standard deviation, and interval of the mean.

The interval resamples records, each with the outcomes of all seeds, and seeds. So it shows how much
the mean would vary with other test records and other training runs.
"""

import math
import statistics
from collections.abc import Mapping, Sequence

import numpy as np

from ecslm.schemas.metrics_file import (
    IntervalDetails,
    OverSeedsDetails,
    OverSeedsFile,
    OverSeedsScore,
    SettingOverSeeds,
)
from ecslm.scoring.intervals import (
    CONFIDENCE,
    bootstrap_interval,
    bootstrap_is_reliable,
    bootstrap_values,
)
from ecslm.scoring.metrics.protocol import Array, Metric, column_totals, metric
from ecslm.scoring.outcomes import Outcomes, seed_values
from ecslm.scoring.settings import OverSeedsSettings, ScoringSettings


def over_seeds(
    outcomes: Mapping[str, Outcomes],
    task: str,
    model: str | None,
    seeds: Sequence[int],
    settings: OverSeedsSettings,
) -> OverSeedsFile:
    """Compute the content of `metrics/{model}/over-seeds/{task}.json`."""
    measure = metric(settings.metric)
    return OverSeedsFile(
        task=task,
        model=model,
        seeds=list(seeds),
        metric=measure.NAME,
        settings={
            setting: _block(found, measure, settings.scoring) for setting, found in outcomes.items()
        },
    )


def _block(outcomes: Outcomes, measure: Metric, settings: ScoringSettings) -> SettingOverSeeds:
    """The strict score of one setting. A seed's undefined value counts as 0, as in its own file."""
    seeds = len(outcomes.seeds)
    sums = outcomes.sums(measure, outcomes.samples)
    totals = column_totals(sums)
    by_seed = seed_values(measure, totals, seeds).tolist()
    value = statistics.fmean(by_seed)
    drawn = bootstrap_values(
        sums, lambda some: seed_values(measure, some, seeds), settings.resamples, settings.seed
    )
    resampled = means_of_drawn_seeds(drawn, settings.seed)
    own_totals = totals.reshape(seeds, -1)
    defined = bool(np.isfinite(measure.values(own_totals)).all())
    reliable = bootstrap_is_reliable(len(sums), measure.rarest(own_totals[0]), resampled)
    interval = IntervalDetails(method="bootstrap", reliable=reliable)
    score = OverSeedsScore(
        value=value,
        defined=defined,
        sd=statistics.stdev(by_seed),
        ci95=bootstrap_interval(value, resampled, len(sums), CONFIDENCE) if defined else None,
        details=OverSeedsDetails(by_seed=by_seed, interval=interval),
    )
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
