"""Schemas of files with scores: of a model and task, over seeds, by record, and of baselines.

The order of fields here is their order in the files.
"""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat

from ecslm.schemas.settings import Closed

Interval95 = tuple[float, float]


class Value(Closed):
    """A metric's value; 0 and not `defined` if its formula divides 0 by 0."""

    value: float
    defined: bool

    @property
    def known(self) -> float | None:
        """The value, or None if it is undefined."""
        return self.value if self.defined else None


class Score(Value):
    """A value under a protocol of the data authors, with the metric's details."""

    details: dict[str, Any]

    @property
    def dropped(self) -> int | None:
        """Answers that the scorer cannot read and leaves out; None if it leaves out none."""
        return self.details.get("n_dropped")

    @classmethod
    def of(cls, value: float | None, details: dict[str, Any]) -> "Score":
        """The score of a ratio that may be undefined (None)."""
        return cls(value=value or 0.0, defined=value is not None, details=details)


class LenientScore(Value):
    """The strict metric on answers from the lenient parser."""

    n_invalid: int


class StrictScore(Value):
    """The headline value, or its mean over seeds; undefined, expected and certain values have no
    interval."""

    sd: float | None = Field(None, exclude_if=lambda sd: sd is None)
    """Standard deviation of a mean over seeds, else missing."""
    ci95: Interval95 | None
    details: dict[str, Any]
    """Over seeds `by_seed`, the value of each; else the metric's own, then `lenient`, a
    `LenientScore`, which a random baseline lacks. At last `interval`, which is null without one:
    its `method`, wilson or bootstrap, and whether it is `reliable`."""

    @property
    def of_metric(self) -> dict[str, Any]:
        """The metric's own details."""
        common = ("lenient", "interval")
        return {name: value for name, value in self.details.items() if name not in common}

    @property
    def lenient(self) -> LenientScore | None:
        """The score by the lenient parser."""
        found = self.details.get("lenient")
        return found and LenientScore.model_validate(found)


# From this share of one answer on, a score is that of a constant.
CONSTANT_SHARE = 0.95


class AnswerCounts(Closed):
    """How often the most frequent answer was given, whatever the right ones are."""

    distinct: int
    """How many different answers there are."""
    most_frequent: str
    """As it was parsed; the text of an invalid one."""
    count: int
    """Records that have it."""


class SettingScores(Closed):
    """The scores of one evaluation setting."""

    n: int
    n_invalid: int
    n_truncated: int | None
    """Null if the predictions do not say."""
    answers: AnswerCounts | None = None
    """Null for expected values."""
    strict: StrictScore
    released: Score | None
    """Null for expected values."""
    released_2024: Score | None


class MetricsFile(Closed):
    """The scores of one model, seed and task; model and seed are null if unknown."""

    task: str
    model: str | None
    seed: int | None
    metric: str
    """Display name."""
    settings: dict[str, SettingScores]


class SettingOverSeeds(Closed):
    """The score over seeds of one evaluation setting."""

    n: int
    strict: StrictScore


class OverSeedsFile(Closed):
    """The scores of one model and task over the model's seeds."""

    task: str
    model: str | None
    seeds: list[int]
    metric: str
    """Display name."""
    settings: dict[str, SettingOverSeeds]


# One record's terms in the sums of a metric: numbers, or numbers by class. Can be dumped as JSON.
Outcome = dict[str, Any]

# Of the sha256 of an answer.
ANSWER_DIGITS = 8


class OutcomeRow(BaseModel):
    """A row of `metrics/{model}/seed-{seed}/{task}.records.jsonl`: the outcome of one record; its
    extra fields are what the metric sums."""

    model_config = ConfigDict(extra="allow", frozen=True)

    id: str
    sample_id: str
    setting: str
    invalid: bool
    # Digest of the answer as parsed, by which those of two models are compared: unlike the text
    # it can be published. Null for a random baseline.
    answer: str | None = None

    @property
    def outcome(self) -> Outcome:
        """What the metric sums."""
        return dict(self.model_extra or {})


# A cosine, which is not a percentage; float32 rounds it to a little more than 1.
Similarity = Annotated[float, Field(ge=-1.0001, le=1.0001)]


class BertScoreRow(Closed):
    """A row of `bertscore/{model}/seed-{seed}/{task}.jsonl`: BERTScore of one prediction;
    `f1_rescaled` is null if rescaling is off."""

    id: str
    setting: str
    precision: Similarity
    recall: Similarity
    f1: Similarity
    f1_rescaled: FiniteFloat | None


class SimpleBaselines(Closed):
    """`simple_baselines/{task}.json`: scores of a task's simple baselines on records that are not
    for tests."""

    task: str
    metric: str
    """The task's metric, or what stands in for BERTScore."""
    n: int
    """Records that were answered."""
    scores: dict[str, float] = Field(min_length=1)
    """By the names of rows: trivial baselines, then learned ones."""
    best: str
    """The one with the highest score; of several, the first."""
