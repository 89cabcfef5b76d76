"""Models that a server runs: the backend `openai`."""

from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, field_validator, model_validator

from ecslm.config.backends.any_model import AnyModel
from ecslm.config.names import Name
from ecslm.prediction.openai_settings import (
    AccessSettings,
    OpenAISettings,
    ServerDecoding,
    ServerSettings,
)
from ecslm.prediction.settings import DecodingSettings
from ecslm.schemas.task import TaskSettings


class OwnServerDecoding(ServerDecoding):
    """Keys that replace those of other decoding settings; what is not set replaces nothing."""

    def over(self, shared: ServerDecoding) -> ServerDecoding:
        """Settings with these keys in place of their own."""
        return shared.model_copy(update=self.model_dump(exclude_unset=True))


class OpenAIModel(AnyModel):
    """A model that an OpenAI-compatible server runs: OpenAI's own, vLLM, llama.cpp, TGI, ..."""

    RESOURCES: ClassVar[Mapping[str, int]] = {"api": 1}

    base: ClassVar[None] = None
    training: ClassVar[None] = None
    tuned: ClassVar[bool] = False

    backend: Literal["openai"] = Field(description="What answers: an OpenAI-compatible server.")
    server: ServerSettings = Field(description="Which model of which server.")
    template: Name = Field(description="Its prompt: resources/prompts/{template}.jinja.")
    decoding: OwnServerDecoding = Field(
        OwnServerDecoding(),
        description="Keys that replace those of the study's `decoding` and `task_decoding`, in "
        "every task.",
    )
    seeds: tuple[Annotated[int, Field(ge=0, lt=2**32)], ...] = Field(
        (0,), min_length=1, description="Seeds to sample with, in any order."
    )
    access: AccessSettings = Field(
        AccessSettings(), description="How the server is reached, and what it may cost."
    )

    @field_validator("seeds")
    @classmethod
    def _in_one_order(cls, seeds: tuple[int, ...]) -> tuple[int, ...]:
        # Another order must score nothing again.
        return tuple(sorted(seeds))

    @model_validator(mode="after")
    def _told_its_seeds(self) -> Self:
        if self.server.sampling == "own" and len(self.seeds) > 1:
            raise ValueError("with `sampling: own` the server is told no seed: leave out `seeds`")
        return self

    def prediction(
        self,
        decoding: DecodingSettings,
        batch_tokens: int,  # noqa: ARG002
        settings: Sequence[str],  # noqa: ARG002
        task: TaskSettings,  # noqa: ARG002
    ) -> OpenAISettings:
        """What the server is told."""
        return OpenAISettings(
            backend="openai",
            shots=self.shots,
            server=self.server,
            decoding=self.decoding.over(ServerDecoding.of(decoding)),
        )

    def reached(self) -> AccessSettings:
        """The value of `--access`."""
        return self.access
