"""Schema of a row in `metrics/{model}/seed-{seed}/{task}.records.jsonl`."""

from typing import Any

from pydantic import BaseModel, ConfigDict

# One record's terms in the sums of a metric: numbers, or numbers by class. Can be dumped as JSON.
Outcome = dict[str, Any]

# Of the sha256 of an answer.
ANSWER_DIGITS = 8


class OutcomeRow(BaseModel):
    """The outcome of one record; its extra fields are what the metric sums."""

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
