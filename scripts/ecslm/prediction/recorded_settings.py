"""Settings of the backend `recorded`."""

from typing import Literal

from ecslm.prediction.settings import PredictionSettings
from ecslm.schemas.record import Record


class RecordedSettings(PredictionSettings):
    """Which of the records have answers."""

    backend: Literal["recorded"]
    settings: tuple[str, ...] | None = None
    """Settings that have answers (default: all of the dataset file)."""

    def asks(self, record: Record) -> bool:
        """Whether there is an answer to a record."""
        return super().asks(record) and (self.settings is None or record.setting in self.settings)
