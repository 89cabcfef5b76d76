"""Asking an OpenAI-compatible server, several requests at a time, through OpenAI's own client.

The client repeats requests: after a time-out, a cut connection, and a status 408, 409, 429 or 5xx.
It waits as long as `Retry-After` says, or twice as long each time.
"""

import asyncio
import logging
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AliasChoices, AliasPath, BaseModel, BeforeValidator, Field, ValidationError

from ecslm.common.errors import InputError, Problem
from ecslm.common.hashing import canonical_json, sha256_of_text
from ecslm.prediction.openai_settings import AccessSettings, ServerDecoding, ServerSettings
from ecslm.schemas.prediction import FinishReason

if TYPE_CHECKING:
    from openai import APIStatusError, AsyncOpenAI

log = logging.getLogger(__name__)

PATHS = {"chat": "/chat/completions", "completions": "/completions"}
# The client insists on a key. Servers that need none do not look at it.
NO_KEY = "none"
LONGEST_MESSAGE = 300
# More tokens than a server adds to a message, as markers of turns and the like.
TOKENS_OF_MARKERS = 100
# So many replies, none of which can be used, are no accident.
USELESS = 10
# Where a server names a reason as its own library does, and not as OpenAI.
REASONS = {"eos_token": "stop", "stop_sequence": "stop"}


@dataclass(frozen=True)
class ServerRequest:
    """A prompt, and the request that has it answered."""

    text: str
    record: str
    """The id of its record."""
    body: Mapping[str, Any]
    key: str
    """Digest of the server and of everything that is sent, except the user's API key."""
    most_tokens: tuple[int, int]
    """The most tokens that its prompt and its answer may have."""
    truncated: bool = False


def request_for(
    prompt: str, record: str, server: ServerSettings, decoding: ServerDecoding, seed: int
) -> ServerRequest:
    """The request of a prompt.

    Args:
        record: its id.
        seed: of sampled decoding. It is sent only then: not all servers know it.
    """
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
    return ServerRequest(prompt, record, body, key, most)


class Answer(BaseModel, extra="forbid", frozen=True):
    """An answer as text, why it ended, and tokens as the server counts them."""

    text: str
    finish_reason: FinishReason
    prompt_tokens: int = Field(ge=0)
    tokens: int = Field(ge=0)
    model: str | None = Field(None, description="As the server names the model that answered.")

    @property
    def counts(self) -> tuple[int, int]:
        """Tokens of prompt and answer."""
        return self.prompt_tokens, self.tokens


class _Reply(BaseModel):
    """What of a reply an answer is made of."""

    text: str | None = Field(
        None,
        validation_alias=AliasChoices(
            AliasPath("choices", 0, "message", "content"), AliasPath("choices", 0, "text")
        ),
    )
    # What the model says in place of an answer.
    refusal: str | None = Field(
        None, validation_alias=AliasPath("choices", 0, "message", "refusal")
    )
    finish_reason: Annotated[
        FinishReason, BeforeValidator(lambda named: REASONS.get(str(named), named))
    ] = Field(validation_alias=AliasPath("choices", 0, "finish_reason"))
    prompt_tokens: int = Field(ge=0, validation_alias=AliasPath("usage", "prompt_tokens"))
    tokens: int = Field(ge=0, validation_alias=AliasPath("usage", "completion_tokens"))
    model: str | None = None


class _Failure(BaseModel):
    """A reply that reports a failure as if it were an answer."""

    message: str = Field(validation_alias=AliasPath("error", "message"))


WITHHELD = Answer(text="", finish_reason="content_filter", prompt_tokens=0, tokens=0)
"""The answer to a prompt that a content filter has refused."""


class ServerClient:
    """Asks one model of one server."""

    def __init__(
        self, server: ServerSettings, access: AccessSettings, known: Sequence[Answer] = ()
    ) -> None:
        """
        Args:
            known: the answers so far of this model, whose price counts for the budget.

        Raises:
            InputError: the key's environment variable is not set.
        """
        self._server, self._access = server, access
        self._key = "" if access.key is None else self._key_of(access.key)
        # What answers have cost, and the most that requests may that have none.
        self._spent = sum(self._price(one.counts) for one in known)
        self._used, self._useless = len(known), 0

    def ask(self, requests: Sequence[ServerRequest], keep: Callable[[str, Answer], None]) -> None:
        """Ask all requests; `keep` gets each answer by the key of its request as soon as it
        arrives.

        After a failure no request is sent, but answers to those that were are waited for. A request
        whose reply cannot be used gets no answer.

        Raises:
            InputError: the first failure, as that the budget may not suffice for a request and
                those on their way; or the model has never given an answer that can be used.
            OSError: an answer cannot be written.
        """
        asyncio.run(self._ask(requests, keep))

    async def _ask(
        self, requests: Sequence[ServerRequest], keep: Callable[[str, Answer], None]
    ) -> None:
        waiting, failures = iter(requests), list[InputError | OSError]()
        enough = min(USELESS, len(requests))

        async def work() -> None:
            for request in waiting:
                if failures:
                    return
                try:
                    answer = await self._asked(client, request, enough)
                    if answer is not None:
                        keep(request.key, answer)
                except (InputError, OSError) as error:
                    failures.append(error)

        async with self._client() as client, asyncio.TaskGroup() as workers:
            for _ in range(self._access.concurrency):
                workers.create_task(work())
        if failures:
            raise failures[0]

    async def _asked(
        self, client: "AsyncOpenAI", request: ServerRequest, enough: int
    ) -> Answer | None:
        """The answer; None if the reply cannot be used, unless `enough` of them cannot."""
        most, budget = self._price(request.most_tokens), self._access.budget
        if budget is not None and self._spent + most > budget:
            raise self._problem(
                f"the budget of {budget:.2g} is reached: answers, and requests on their way, may "
                f"cost {self._spent:.2g}, and the next {most:.2g}: raise `budget` in `access`; "
                "answers so far are kept"
            )
        self._spent += most
        reply = await self._reply(client, request)
        answer = WITHHELD if reply is None else self._answer(reply)
        if isinstance(answer, str):
            self._useless += 1
            if self._useless >= enough and not self._used:
                raise self._problem(answer, request.record)
            log.warning("record %s: %s: counts as invalid", request.record, answer)
            return None
        self._used += 1
        self._spent += self._price(answer.counts) - most
        return answer

    def _price(self, tokens: tuple[int, int]) -> float:
        prices = self._access.prices
        return 0.0 if prices is None else prices.of(*tokens)

    def _key_of(self, variable: str) -> str:
        key = os.environ.get(variable, "").strip()
        # A header could not hold other characters, and the error would show them.
        if not (key and key.isascii() and key.isprintable()):
            raise self._problem(
                f"the environment variable {variable} is not set, or to what is no key: set it to "
                "the key, or remove `key` from `access` if the server needs none"
            )
        return key

    def _client(self) -> "AsyncOpenAI":
        from openai import AsyncOpenAI, DefaultAsyncHttpxClient

        try:
            return AsyncOpenAI(
                api_key=self._key or NO_KEY,
                base_url=self._server.url,
                timeout=self._access.timeout,
                max_retries=self._access.retries,
                # A redirected request would lose its body.
                http_client=DefaultAsyncHttpxClient(follow_redirects=False),
            )
        except (ImportError, ValueError, OSError):
            # Its text may show the password of a proxy.
            raise self._problem(
                "a proxy or SSL_CERT_FILE of the environment cannot be used: correct or unset it"
            ) from None

    async def _reply(self, client: "AsyncOpenAI", request: ServerRequest) -> str | None:
        """The text of the reply; None if a content filter has refused the prompt."""
        import httpx2
        from openai import APIConnectionError, APIStatusError, APITimeoutError

        path, times = PATHS[self._server.api], f"{self._access.retries + 1} times"
        try:
            response = await client.post(path, cast_to=httpx2.Response, body=dict(request.body))
            return str(response.text)
        except APIStatusError as error:
            if error.code == "content_filter":
                return None
            raise self._refused(error, request) from None
        except APITimeoutError:
            raise self._problem(
                f"no answer within {self._access.timeout:g} s, {times}: raise `timeout` or lower "
                "`concurrency` in `access`; answers so far are kept"
            ) from None
        except APIConnectionError as error:
            cause = self._line(str(error.__cause__) or type(error.__cause__).__name__)
            raise self._problem(
                f"cannot be reached, or has cut the connection, {times} ({cause}): start the "
                "server, or change `url` in `server`; answers so far are kept"
            ) from None

    def _answer(self, text: str) -> Answer | str:
        """The answer in a reply, or why it cannot be used.

        Raises:
            InputError: to another request there would be no answer either.
        """
        if text.lstrip().startswith("<"):
            raise self._problem("answers with a web page: change `url` in `server`")
        try:
            reply = _Reply.model_validate_json(text)
        except ValidationError as error:
            with suppress(ValidationError):
                said = _Failure.model_validate_json(text).message
                raise self._problem(f"failed: {self._line(said)}") from None
            first = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(map(str, first["loc"]))
            what = ": ".join(part for part in (where, first["msg"]) if part)
            return self._line(f"not a reply of the {self._server.api} API ({what})")
        written = reply.refusal if reply.text is None else reply.text
        if written is None and reply.finish_reason == "stop":
            return "no text, though the model has stopped"
        # As it was sent, and as it is kept: in JSON a letter can be written in several ways.
        if self._key and self._key in f"{text}{written}{reply.model}":
            return "it repeats the key, which must reach no file"
        # No text: thoughts that are not shown have reached the limit, or it was withheld.
        fields = reply.model_dump(exclude={"refusal"}) | {"text": written or ""}
        return Answer.model_validate(fields)

    def _refused(self, error: "APIStatusError", request: ServerRequest) -> InputError:
        status, access, body = error.status_code, self._access, error.body
        words = body.get("message") or body.get("detail") if isinstance(body, dict) else body
        said = f"{status}: {self._line(str(words or 'no message'))}"
        if status < 400:
            return self._problem(f"redirects to another page ({said}): change `url` in `server`")
        if status in (401, 403):
            change = (
                "name the environment variable of its key as `key` in `access`"
                if access.key is None
                else f"set {access.key} to another key"
            )
            return self._problem(f"lets only keys of its own in ({said}): {change}")
        if status == 404:
            return self._problem(
                f"no model {self._server.model!r}, or no API at this URL ({said}): change `model` "
                "or `url` in `server`"
            )
        if status == 429 or status >= 500:
            return self._problem(
                f"too many requests, no credit, or a failure of its own, {access.retries + 1} "
                f"times ({said}): lower `concurrency` in `access`, or run again later; answers so "
                "far are kept"
            )
        return self._problem(f"refused the request ({said})", request.record)

    def _problem(self, message: str, record: str | None = None) -> InputError:
        about = "" if record is None else f"record {record}: "
        return InputError(Problem(about + message, self._server.url))

    def _line(self, text: str) -> str:
        """A text of the server as one line without the key."""
        line = " ".join(text.split())
        if self._key:
            line = line.replace(self._key, "***")
        return line if len(line) <= LONGEST_MESSAGE else f"{line[:LONGEST_MESSAGE]}..."
