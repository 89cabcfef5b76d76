"""Settings of the backend `openai`: which model of which server answers, and how it is reached."""

import re
import shlex
from typing import Annotated, ClassVar, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from ecslm.families.settings import DecodingSettings, PredictionSettings, Sampling
from ecslm.models.precision import PROMPT_LIBRARIES
from ecslm.schemas.cost import Prices
from ecslm.schemas.fields import NO_SECRET, may_hold_secret
from ecslm.schemas.settings import Closed, hiding


def _plain_url(text: str) -> str:
    """The URL without a slash at its end. It is written into results, so it must hold no secret."""
    if not text.startswith(("https://", "http://")) or may_hold_secret(text):
        raise hiding(f"should be a URL such as https://api.openai.com/v1; it {NO_SECRET}")
    return text.rstrip("/")


def _variable(text: str) -> str:
    """The name of an environment variable. Keys have other characters: one that is put here by
    mistake is refused."""
    if not re.fullmatch("[A-Z_][A-Z0-9_]*", text):
        raise hiding("should be the name of an environment variable, in capitals, not the key")
    return text


class ServerSettings(Closed):
    """Which model of which server answers. A change of any of these asks it again."""

    url: Annotated[str, AfterValidator(_plain_url)]
    """Base URL of its OpenAI-compatible API, such as https://api.openai.com/v1."""
    model: str = Field(min_length=1)
    """Name of the model at the server."""
    api: Literal["chat", "completions"] = "chat"
    """chat: the prompt is sent as the user's message, and the server adds turn markers, so the
    template has none. completions: the model reads the prompt as it is, so the template has turn
    markers."""
    limit: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    """What the server calls the limit of an answer; some models of OpenAI accept only the second.
    """
    sampling: Literal["told", "own"] = "told"
    """told: each request says to take the likeliest tokens, or how to sample. own: it says nothing,
    for models that accept no such settings."""


class ServerDecoding(Sampling):
    """The settings of decoding that a server is told."""

    max_new_tokens: int = Field(100, ge=1)
    """Maximum tokens of an answer, hidden thoughts included."""

    @classmethod
    def of(cls, decoding: DecodingSettings) -> Self:
        """The settings, of those given, that are sent to a server."""
        return cls.model_validate(decoding.model_dump(include=set(cls.model_fields)))


class OpenAISettings(PredictionSettings):
    """How a model of a server answers."""

    LIBRARIES: ClassVar[tuple[str, ...]] = ("Jinja2",)

    backend: Literal["openai"]
    server: ServerSettings
    """Which model of which server."""
    decoding: ServerDecoding = ServerDecoding()


def _command(text: str) -> str:
    """A command that can be split into words, and says where the model and the port go."""
    shlex.split(text)
    if missing := [name for name in ("{model}", "{port}") if name not in text]:
        raise ValueError(f"needs {' and '.join(missing)}")
    return text


Command = Annotated[str, AfterValidator(_command)]


class ServedSettings(PredictionSettings):
    """How a model answers behind a server that the job starts."""

    LIBRARIES: ClassVar[tuple[str, ...]] = PROMPT_LIBRARIES

    backend: Literal["served"]
    serve: Command
    """The command that starts the server."""
    version: str | None = None
    """Version of the server."""
    decoding: ServerDecoding = ServerDecoding()


class AccessSettings(Closed):
    """How a server is reached, and what it may cost. No answer depends on it: a change reruns
    nothing."""

    key: Annotated[str, AfterValidator(_variable)] | None = None
    """Environment variable that holds the key; without it, none is sent."""
    concurrency: int = Field(8, ge=1)
    """Requests to the model at a time, of all jobs together."""
    timeout: float = Field(120.0, gt=0)
    """Seconds to wait for an answer."""
    start: float = Field(900.0, gt=0)
    """Seconds to wait until a server is ready that a job starts with `serve`."""
    retries: int = Field(6, ge=0)
    """How often a request is repeated after a time-out, a cut connection or a status 408, 409, 429
    or 5xx: when the server says, if that is within two minutes, otherwise after ever longer waits
    of up to eight seconds."""
    prices: Prices | None = None
    """For the cost and the budget."""
    budget: float | None = Field(None, gt=0)
    """The most that the model may cost, in the currency of the prices, counting all of its answers
    that this project keeps. A request that might exceed it is not sent."""

    @model_validator(mode="after")
    def _has_prices(self) -> Self:
        if self.budget is not None and self.prices is None:
            raise ValueError("`budget` needs `prices`")
        return self
