"""The base of model entries of all backends: their common fields, and what the plan asks them."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, Field

from ecslm.comparisons.settings import unique
from ecslm.prediction.openai_settings import AccessSettings
from ecslm.prediction.settings import DecodingSettings, PredictionSettings
from ecslm.schemas.settings import Closed
from ecslm.schemas.task import Answer, TaskSettings

Settings = TypeVar("Settings", bound=BaseModel)


def _in_one_order(seeds: tuple[int, ...]) -> tuple[int, ...]:
    # Another order must score nothing again.
    return tuple(sorted(unique(seeds)))


Seeds = Annotated[
    tuple[Annotated[int, Field(ge=0, lt=2**32)], ...],
    Field(min_length=1),
    AfterValidator(_in_one_order),
]


def over(own: BaseModel, shared: Settings) -> Settings:
    """Settings with the keys that are set in others of their kind in place of their own.

    Nothing is checked: keys of the one may not fit those of the other.
    """
    return shared.model_copy(update={key: getattr(own, key) for key in own.model_fields_set})


class AnyModel(Closed):
    """A model: a row of the tables.

    A subclass has the field `backend`, and `base`, `template`, `training`, `tuned` and `seeds`, as
    fields or as constants: None where its models have none.
    """

    RESOURCES: ClassVar[Mapping[str, int]] = {}
    """What its prediction jobs need of Snakemake's resources: `gpu`, `api`."""
    LEARNS: ClassVar[bool] = False
    """Whether its prediction jobs learn from the records of their task, which they read."""

    run: bool = Field(
        True,
        description="Whether it is run. If not, it is in no table of scores and no comparison.",
    )
    shots: Literal[0, 1] = Field(0, description="Examples in the prompt.")

    @abstractmethod
    def prediction(
        self,
        decoding: DecodingSettings,
        batch_tokens: int,
        settings: Sequence[str],
        task: TaskSettings,
    ) -> PredictionSettings:
        """The settings of the job that predicts one task.

        Args:
            decoding: how answers to the task are generated.
            batch_tokens: padded tokens per batch.
            settings: what `answered` returns for the task.
            task: the task.
        """

    def suits(self, answer: Answer) -> bool:  # noqa: ARG002
        """Whether the model is evaluated on tasks with a type of answer."""
        return True

    def adapter_name(self, name: str) -> str | None:  # noqa: ARG002
        """The model whose adapters this one, called `name`, uses; None if it uses none."""
        return None

    def limits(self) -> str | None:
        """What tables say of its answers if they are not free."""
        return None

    def reached(self) -> AccessSettings | None:
        """How a server is reached, on which no answer depends; None: there is none."""
        return None

    def answered(self, task: str, settings: Sequence[str]) -> tuple[str, ...]:  # noqa: ARG002
        """Which of the settings of a task's records the model has answers in; if none, it is not
        evaluated on the task."""
        return tuple(settings)

    def answer_files(
        self,
        names: Sequence[str],  # noqa: ARG002
        settings: Sequence[str],  # noqa: ARG002
        results: str,  # noqa: ARG002
    ) -> tuple[str, ...]:
        """Files of answers that exist already.

        Args:
            names: of the task: its code, then its aliases.
            settings: what `answered` returns for the task.
            results: the study's results directory.
        """
        return ()
