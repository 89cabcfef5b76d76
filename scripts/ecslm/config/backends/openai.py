"""Models that a server runs: the backend `openai`."""

from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from ecslm.config.backends.any_model import AnyModel, Seeds, over
from ecslm.config.names import TemplateName
from ecslm.prediction.openai_settings import (
    AccessSettings,
    OpenAISettings,
    ServerDecoding,
    ServerSettings,
)
from ecslm.prediction.settings import DecodingSettings
from ecslm.schemas.task import TaskSettings


class OpenAIModel(AnyModel):
    """A model that an OpenAI-compatible server runs: OpenAI's own, vLLM, llama.cpp, TGI, ..."""

    RESOURCES: ClassVar[Mapping[str, int]] = {"api": 1}

    base: ClassVar[None] = None
    training: ClassVar[None] = None
    tuned: ClassVar[bool] = False

    backend: Literal["openai"] = Field(description="What answers: an OpenAI-compatible server.")
    server: ServerSettings = Field(description="Which model of which server.")
    template: TemplateName = Field(description="Its prompt: resources/prompts/{template}.jinja.")
    decoding: ServerDecoding = Field(
        ServerDecoding(),
        description="Keys that replace those of the study's `decoding` and `task_decoding`, in "
        "every task.",
    )
    seeds: Seeds = Field((0,), description="Seeds to sample with, in any order.")
    access: AccessSettings = Field(
        AccessSettings(), description="How the server is reached, and what it may cost."
    )

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
            decoding=over(self.decoding, ServerDecoding.of(decoding)),
        )

    def reached(self) -> AccessSettings:
        """The value of `--access`."""
        return self.access
