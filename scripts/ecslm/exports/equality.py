"""Schema of `equality.json` in an exported model's folder: the evidence that it equals base and
adapter.
"""

from pathlib import Path

from ecslm.common.files import read_model
from ecslm.common.manifests import verify_result
from ecslm.models.precision import Precision
from ecslm.schemas.paths import EXPORT
from ecslm.schemas.prediction import FinishReason
from ecslm.schemas.record import Relevance
from ecslm.schemas.settings import Closed


class Answer(Closed):
    """An answer as text, and what ended it."""

    text: str
    finish_reason: FinishReason


class AnsweredTwice(Closed):
    """A test record, and the answers of the base with the adapter and of the exported model."""

    id: str
    sample_id: str
    task: str
    setting: str
    reference: str
    options: list[str] | None
    relevance: list[Relevance] | None
    adapter: Answer
    exported: Answer


class LogitsEquality(Closed):
    """Logits of the token after each prompt: of the exported model, loaded by transformers alone,
    and of the base with the adapter beside it, not merged, in the precision of the study."""

    prompts: int
    largest: float
    """Largest absolute logit of the base with the adapter."""
    largest_difference: float
    """Between the two models, in any logit."""
    tolerance: float
    """Largest share of `largest` that is accepted."""

    @property
    def share(self) -> float:
        """The largest difference as a share of the largest logit."""
        return self.largest_difference / self.largest


class Equality(Closed):
    """The exported model against its base with the adapter."""

    precision: Precision
    parameters: int
    """Of the exported model, with a head of its own."""
    trained_parameters: int
    """Of the adapter."""
    logits: LogitsEquality
    answers: list[AnsweredTwice]
    example_prompt: str
    """The whole prompt of the first of the answers."""

    @property
    def same(self) -> int:
        """How many records both answer by the same text."""
        return sum(one.adapter == one.exported for one in self.answers)


def read_equality(path: Path) -> Equality:
    """Read the report of an exported model.

    Raises:
        InputError: it is missing, altered or invalid.
    """
    verify_result(path, path.with_name(Path(EXPORT).name))
    return read_model(path, Equality)
