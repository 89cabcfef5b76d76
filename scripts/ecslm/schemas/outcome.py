"""The form of a row in `metrics/{model}/seed-{seed}/{task}.records.jsonl`."""

from typing import Any

from pydantic import BaseModel, ConfigDict

# What a metric sums for one record: numbers, or numbers by class. Ready for JSON.
Outcome = dict[str, Any]


class OutcomeRow(BaseModel):
    """What became of one record; its further fields are what the metric sums."""

    model_config = ConfigDict(extra="allow", frozen=True)

    id: str
    sample_id: str
    setting: str
    invalid: bool

    @property
    def outcome(self) -> Outcome:
        """What the metric sums."""
        return dict(self.model_extra or {})
