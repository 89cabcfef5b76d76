"""The form of `metrics/{model}/seed-{seed}/{task}.json`, and of a model's score over its seeds.

Written as they are dumped: the order of fields is the order in the files.
"""

from typing import Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
)

Protocol = Literal["strict", "released", "released_2024"]

Interval95 = tuple[float, float]


class _Closed(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Value(_Closed):
    """A metric's value; 0 and not defined where its formula divides 0 by 0."""

    value: float
    defined: bool

    @property
    def known(self) -> float | None:
        """The value; None where it is not defined."""
        return self.value if self.defined else None


class Score(Value):
    """A value under a protocol of the data authors, and what the metric tells beside it."""

    details: dict[str, Any]

    @classmethod
    def of(cls, value: float | None, details: dict[str, Any]) -> "Score":
        """The score of a ratio that may be undefined (None)."""
        return cls(value=value or 0.0, defined=value is not None, details=details)


class LenientScore(Value):
    """The strict metric with the forgiving parser."""

    n_invalid: int


class IntervalDetails(_Closed):
    """How an interval was found, and whether it may be trusted."""

    method: Literal["wilson", "bootstrap"]
    reliable: bool


class StrictDetails(BaseModel):
    """What the metric tells beside the strict value, its own fields first.

    A trivial baseline that draws its answers has no forgiving parser and no interval.
    """

    model_config = ConfigDict(extra="allow", frozen=True)

    lenient: LenientScore | None = None
    interval: IntervalDetails | None

    @property
    def of_metric(self) -> dict[str, Any]:
        """The metric's own fields."""
        return dict(self.model_extra or {})

    @model_serializer(mode="wrap")
    def _own_fields_first(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        dumped = dump(self)
        common = [name for name in ("lenient", "interval") if name in self.model_fields_set]
        return {**self.of_metric, **{name: dumped[name] for name in common}}


class StrictScore(Value):
    """The headline value; an undefined or expected one has no interval."""

    ci95: Interval95 | None
    details: StrictDetails


class SettingScores(_Closed):
    """The scores of one evaluation setting."""

    n: int
    n_invalid: int
    n_truncated: int | None = Field(description="Null where predictions do not tell.")
    strict: StrictScore
    released: Score | None = Field(description="Null for expected values.")
    released_2024: Score | None


class MetricsFile(_Closed):
    """The scores of one model, seed and task; model and seed where they are known."""

    task: str
    model: str | None
    seed: int | None
    metric: str = Field(description="Display name.")
    settings: dict[str, SettingScores]


class OverSeedsDetails(_Closed):
    """What accompanies a strict value over seeds."""

    by_seed: list[float]
    interval: IntervalDetails


class OverSeedsScore(Value):
    """The mean of the strict value over seeds, and its standard deviation over them."""

    sd: float
    ci95: Interval95 | None
    details: OverSeedsDetails


class SettingOverSeeds(_Closed):
    """The score over seeds of one evaluation setting."""

    n: int
    strict: OverSeedsScore


class OverSeedsFile(_Closed):
    """The scores of one model and task over the model's seeds."""

    task: str
    model: str | None
    seeds: list[int]
    metric: str = Field(description="Display name.")
    settings: dict[str, SettingOverSeeds]
