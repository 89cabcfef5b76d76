"""A model of an OpenAI-compatible server: its settings, and asking it through OpenAI's client.

The client repeats requests: after a time-out, a cut connection, and a status 408, 409, 429 or 5xx.
It waits as long as `Retry-After` says, or twice as long each time.
"""

import asyncio
import json
import logging
import os
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, HttpUrl, TypeAdapter, ValidationError, model_validator

from ecslm.common.errors import InputError, Problem
from ecslm.common.hashing import canonical_json, sha256_of_text
from ecslm.prediction.settings import DecodingSettings, PredictionSettings, Sampling
from ecslm.schemas.cost import Prices
from ecslm.schemas.fields import NO_SECRET, may_hold_secret
from ecslm.schemas.prediction import FinishReason
from ecslm.schemas.settings import Closed, hiding

if TYPE_CHECKING:
    from openai import AsyncOpenAI

log = logging.getLogger(__name__)

PATHS = {"chat": "/chat/completions", "completions": "/completions"}
LONGEST_MESSAGE = 300
# More tokens than a server adds to a message, as markers of turns and the like.
TOKENS_OF_MARKERS = 100
# What to do about a status.
HINTS = {
    401: "name the environment variable of a valid key as `key` in `access`",
    404: "change `model` or `url` in `server`",
    429: "lower `concurrency` in `access`, or run again later; answers so far are kept",
}
OTHER = "see `server` and `access` of the model, or run again later; answers so far are kept"
# Where a server names a reason as its own library does, and not as OpenAI.
REASONS = {"eos_token": "stop", "stop_sequence": "stop"}


def _plain_url(text: str) -> str:
    """The URL without a slash at its end. It is written into results, so it must hold no secret."""
    try:
        url = str(TypeAdapter(HttpUrl).validate_python(text))
    except ValidationError:
        raise hiding("should be a URL such as https://api.openai.com/v1") from None
    if may_hold_secret(text):
        raise hiding(NO_SECRET)
    return url.rstrip("/")


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

    backend: Literal["openai"]
    server: ServerSettings
    """Which model of which server."""
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


@dataclass(frozen=True)
class ServerRequest:
    """The request that has a prompt answered."""

    record: str
    """The id of its record."""
    body: Mapping[str, Any]
    key: str
    """Digest of the server and of everything that is sent, except the user's API key."""
    most_tokens: tuple[int, int]
    """The most tokens that its prompt and its answer may have."""


def request_for(prompt: str, record: str, settings: OpenAISettings, seed: int) -> ServerRequest:
    """The request of a prompt.

    Args:
        record: its id.
        seed: of sampled decoding. It is sent only then: not all servers know it.
    """
    server, decoding = settings.server, settings.decoding
    chat = server.api == "chat"
    text = {"messages": [{"role": "user", "content": prompt}]} if chat else {"prompt": prompt}
    sampling: dict[str, Any] = {"temperature": 0.0}
    if server.sampling == "own":
        sampling = {}
    elif decoding.sample:
        sampling = {"temperature": decoding.temperature, "top_p": decoding.top_p, "seed": seed}
    body = {"model": server.model, **text, server.limit: decoding.max_new_tokens, **sampling}
    key = sha256_of_text(canonical_json({"url": server.url, "api": server.api, "body": body}))
    # No tokenizer makes more tokens of a text than it has bytes.
    most = len(prompt.encode()) + TOKENS_OF_MARKERS, decoding.max_new_tokens
    return ServerRequest(record, body, key, most)


class Answer(Closed):
    """An answer as text, why it ended, and tokens as the server counts them."""

    text: str
    finish_reason: FinishReason
    prompt_tokens: int = Field(ge=0)
    tokens: int = Field(ge=0)
    model: str | None = None
    """As the server names the model that answered."""

    @property
    def counts(self) -> tuple[int, int]:
        """Tokens of prompt and answer."""
        return self.prompt_tokens, self.tokens


# As if the server had answered a prompt that a content filter has refused.
WITHHELD = Answer(text="", finish_reason="content_filter", prompt_tokens=0, tokens=0)


class ServerClient:
    """Asks one model of one server."""

    def __init__(self, server: ServerSettings, access: AccessSettings) -> None:
        self._server, self._access = server, access
        self._key = "" if access.key is None else os.environ.get(access.key, "").strip()
        # The price of answers, and the most that requests may cost that have none.
        self._spent = 0.0
        # Why the last reply without an answer that can be used is none.
        self._unusable = ""

    def ask(
        self,
        requests: Sequence[ServerRequest],
        keep: Callable[[str, Answer], None],
        known: Collection[Answer] = (),
    ) -> None:
        """Ask all requests; `keep` gets each answer by the key of its request as soon as it
        arrives.

        After a failure no request is sent, but answers to those that were are waited for. A request
        whose reply cannot be used gets no answer.

        Args:
            known: the answers so far of this model, whose price counts for the budget.

        Raises:
            InputError: the key's environment variable is not set; the first failure, as that the
                budget may not suffice for a request; or the model has never given an answer that
                can be used.
            OSError: an answer cannot be written.
        """
        # Other characters could not be sent, and the error would show the key.
        if (variable := self._access.key) and not (self._key and self._key.isascii()):
            raise self._problem(
                f"the environment variable {variable} is not set, or to what is no key: set it to "
                "the key, or remove `key` from `access` if the server needs none"
            )
        self._spent = sum(self._price(one.counts) for one in known)
        kept = asyncio.run(self._ask(requests, keep))
        if self._unusable and not (kept or known):
            raise self._problem(self._unusable)

    async def _ask(
        self, requests: Sequence[ServerRequest], keep: Callable[[str, Answer], None]
    ) -> int:
        """Ask; returns the number of answers."""
        from openai import AsyncOpenAI, DefaultAsyncHttpxClient

        waiting, failures, kept = iter(requests), list[InputError | OSError](), 0

        async def work() -> None:
            nonlocal kept
            for request in waiting:
                if failures:
                    return
                try:
                    if answer := await self._asked(client, request):
                        keep(request.key, answer)
                        kept += 1
                except (InputError, OSError) as error:
                    failures.append(error)

        try:
            # A redirected request would lose its body.
            of_http = DefaultAsyncHttpxClient(follow_redirects=False)
        except Exception:
            # The text may show a part of a proxy's password.
            raise self._problem("the environment's proxy or certificates cannot be used") from None
        async with (
            AsyncOpenAI(
                # The client insists on a key. Servers that need none do not look at it.
                api_key=self._key or "none",
                base_url=self._server.url,
                timeout=self._access.timeout,
                max_retries=self._access.retries,
                http_client=of_http,
            ) as client,
            asyncio.TaskGroup() as workers,
        ):
            for _ in range(self._access.concurrency):
                workers.create_task(work())
        if failures:
            raise failures[0]
        return kept

    async def _asked(self, client: "AsyncOpenAI", request: ServerRequest) -> Answer | None:
        """The answer; None if the reply cannot be used, though it may have been charged."""
        most, budget = self._price(request.most_tokens), self._access.budget
        if budget is not None and self._spent + most > budget:
            raise self._problem(
                f"the budget of {budget:.2g} is reached: answers, and requests on their way, may "
                f"cost {self._spent:.2g}, and the next {most:.2g}: raise `budget` in `access`; "
                "answers so far are kept"
            )
        self._spent += most
        text = await self._reply(client, request)
        answer = WITHHELD if text is None else self._read(text)
        if isinstance(answer, Answer):
            self._spent += self._price(answer.counts) - most
            return answer
        self._unusable = f"record {request.record}: {self._line(answer)}"
        log.warning("%s: counts as invalid", self._unusable)
        return None

    def _price(self, tokens: tuple[int, int]) -> float:
        prices = self._access.prices
        return 0.0 if prices is None else prices.of(*tokens)

    async def _reply(self, client: "AsyncOpenAI", request: ServerRequest) -> str | None:
        """The text of the reply; None if a content filter has refused the prompt."""
        import httpx2
        from openai import APIConnectionError, APIStatusError

        path, body = PATHS[self._server.api], dict(request.body)
        try:
            return (await client.post(path, cast_to=httpx2.Response, body=body)).text
        except APIStatusError as error:
            if error.code == "content_filter":
                return None
            hint = HINTS.get(error.status_code, OTHER)
            said = f"{error.status_code} ({self._line(str(error.body or error.message))})"
            raise self._problem(f"record {request.record}: {said}: {hint}") from None
        except APIConnectionError as error:
            cause = self._line(str(error.__cause__) or type(error.__cause__).__name__)
            raise self._problem(
                f"cannot be reached, or does not answer within {self._access.timeout:g} s, "
                f"{self._access.retries + 1} times ({cause}): start the server, change `url` in "
                "`server`, or raise `timeout` in `access`; answers so far are kept"
            ) from None

    def _read(self, text: str) -> Answer | str:
        """The answer in a reply, or why there is none that can be used.

        Raises:
            InputError: to another request there would be none either.
        """
        if text.lstrip().startswith("<"):
            raise self._problem("answers with a web page: change `url` in `server`")
        reply: Any = None
        try:
            reply = json.loads(text)
            if failure := reply.get("error"):
                raise self._problem(f"failed: {self._line(str(failure))}")
            choice, usage = reply["choices"][0], reply["usage"]
            # There is no text where the limit was reached by thoughts that are not shown, or where
            # it was withheld.
            said = choice.get("message", choice)
            answer = Answer(
                text=said.get("content") or said.get("text") or said.get("refusal") or "",
                finish_reason=REASONS.get(choice["finish_reason"], choice["finish_reason"]),
                prompt_tokens=usage["prompt_tokens"],
                tokens=usage["completion_tokens"],
                model=reply.get("model"),
            )
            # Half of a letter could not be written.
            answer.model_dump_json()
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
            # Not as it was sent, where a key could be written with escapes.
            sent = text if reply is None else json.dumps(reply)
            return f"not an answer of the {self._server.api} API: {sent}"
        # As it was sent, and as it is kept: in JSON a letter can be written in several ways.
        if self._key and self._key in f"{text}{answer.text}{answer.model}":
            return "it repeats the key, which must reach no file"
        return answer

    def _problem(self, message: str) -> InputError:
        return InputError(Problem(message, self._server.url))

    def _line(self, text: str) -> str:
        """A text of the server as one line without the key."""
        line = " ".join(text.split())
        if self._key:
            line = line.replace(self._key, "***")
        return line if len(line) <= LONGEST_MESSAGE else f"{line[:LONGEST_MESSAGE]}..."
