"""Asking an OpenAI-compatible server, several requests at a time, through OpenAI's own client.

The client repeats requests: after a time-out, a cut connection, and a status 408, 409, 429 or 5xx.
It waits as long as `Retry-After` says, or twice as long each time.
"""

import asyncio
import json
import logging
import os
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field

from ecslm.common.errors import InputError, Problem
from ecslm.common.hashing import canonical_json, sha256_of_text
from ecslm.prediction.openai_settings import AccessSettings, OpenAISettings, ServerSettings
from ecslm.schemas.prediction import FinishReason

if TYPE_CHECKING:
    from openai import AsyncOpenAI

log = logging.getLogger(__name__)

PATHS = {"chat": "/chat/completions", "completions": "/completions"}
LONGEST_MESSAGE = 300
# More tokens than a server adds to a message, as markers of turns and the like.
TOKENS_OF_MARKERS = 100
# So many replies, none of which can be used, are no accident.
USELESS = 10
# What to do about a status, or about the others of its hundred.
KEY_HINT = "name the environment variable of a valid key as `key` in `access`"
LATER = "run again later; answers so far are kept"
HINTS = {
    3: "change `url` in `server`",
    401: KEY_HINT,
    403: KEY_HINT,
    404: "change `model` or `url` in `server`",
    429: f"lower `concurrency` in `access`, or {LATER}",
    5: LATER,
}
# Where a server names a reason as its own library does, and not as OpenAI.
REASONS = {"eos_token": "stop", "stop_sequence": "stop"}


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


class Answer(BaseModel):
    """An answer as text, why it ended, and tokens as the server counts them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

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
WITHHELD = (
    '{"choices": [{"text": "", "finish_reason": "content_filter"}], '
    '"usage": {"prompt_tokens": 0, "completion_tokens": 0}}'
)


class UnusableReplyError(Exception):
    """A reply without an answer that can be used; the text says why."""


class ServerClient:
    """Asks one model of one server."""

    def __init__(self, server: ServerSettings, access: AccessSettings) -> None:
        """
        Raises:
            InputError: the key's environment variable is not set.
        """
        self._server, self._access = server, access
        self._key = ""
        if access.key is not None:
            self._key = os.environ.get(access.key, "").strip()
            # A header could not hold other characters, and the error would show them.
            if not (self._key and self._key.isascii() and self._key.isprintable()):
                raise self._problem(
                    f"the environment variable {access.key} is not set, or to what is no key: set "
                    "it to the key, or remove `key` from `access` if the server needs none"
                )
        # The price of answers, and the most that requests may cost that have none.
        self._paid = self._without_answer = 0.0
        self._used = self._useless = 0

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
            InputError: the first failure, as that the budget may not suffice for a request and
                those on their way; or the model has never given an answer that can be used.
            OSError: an answer cannot be written.
        """
        self._used, self._paid = len(known), sum(self._price(one.counts) for one in known)
        asyncio.run(self._ask(requests, keep))

    async def _ask(
        self, requests: Sequence[ServerRequest], keep: Callable[[str, Answer], None]
    ) -> None:
        import httpx2
        from openai import AsyncOpenAI, DefaultAsyncHttpxClient

        waiting, failures = iter(requests), list[InputError | OSError]()

        async def work() -> None:
            for request in waiting:
                if failures:
                    return
                try:
                    answer = await self._asked(client, request, min(USELESS, len(requests)))
                    if answer is not None:
                        keep(request.key, answer)
                except (InputError, OSError) as error:
                    failures.append(error)

        try:
            # A redirected request would lose its body.
            of_http = DefaultAsyncHttpxClient(follow_redirects=False)
        except (ImportError, OSError, ValueError, httpx2.InvalidURL):
            # The text may show a part of a proxy's password.
            raise self._problem(
                "a proxy or SSL_CERT_FILE of the environment cannot be used: correct or unset "
                "HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and SSL_CERT_FILE"
            ) from None
        # The client insists on a key. Servers that need none do not look at it.
        key, access = self._key or "none", self._access
        async with (
            AsyncOpenAI(
                api_key=key,
                base_url=self._server.url,
                timeout=access.timeout,
                max_retries=access.retries,
                http_client=of_http,
            ) as client,
            asyncio.TaskGroup() as workers,
        ):
            for _ in range(self._access.concurrency):
                workers.create_task(work())
        if failures:
            raise failures[0]

    async def _asked(
        self, client: "AsyncOpenAI", request: ServerRequest, enough: int
    ) -> Answer | None:
        """The answer; None if the reply cannot be used, unless `enough` of them cannot."""
        most, budget = self._price(request.most_tokens), self._access.budget
        spent = self._paid + self._without_answer
        if budget is not None and spent + most > budget:
            raise self._problem(
                f"the budget of {budget:.2g} is reached: answers, and requests on their way, may "
                f"cost {spent:.2g}, and the next {most:.2g}: raise `budget` in `access`; answers "
                "so far are kept"
            )
        self._without_answer += most
        try:
            answer = self._answer(await self._reply(client, request))
        except UnusableReplyError as error:
            self._useless += 1
            if self._useless >= enough and not self._used:
                raise self._problem(f"record {request.record}: {error}") from None
            log.warning("record %s: %s: counts as invalid", request.record, error)
            return None
        self._used += 1
        self._without_answer -= most
        self._paid += self._price(answer.counts)
        return answer

    def _price(self, tokens: tuple[int, int]) -> float:
        prices = self._access.prices
        return 0.0 if prices is None else prices.of(*tokens)

    async def _reply(self, client: "AsyncOpenAI", request: ServerRequest) -> str:
        """The text of the reply."""
        import httpx2
        from openai import APIConnectionError, APIStatusError

        try:
            path = PATHS[self._server.api]
            response = await client.post(path, cast_to=httpx2.Response, body=dict(request.body))
            return str(response.text)
        except APIStatusError as error:
            if error.code == "content_filter":
                return WITHHELD
            status, body = error.status_code, error.body
            words = body.get("message") or body.get("detail") if isinstance(body, dict) else body
            words = self._line(str(words or "no message"))
            hint = HINTS.get(status) or HINTS.get(status // 100, "the request is refused")
            said = f"record {request.record}: {status} ({words}): {hint}"
        except APIConnectionError as error:
            cause = self._line(str(error.__cause__) or type(error.__cause__).__name__)
            said = (
                f"cannot be reached, or does not answer within {self._access.timeout:g} s, "
                f"{self._access.retries + 1} times ({cause}): start the server, change `url` in "
                "`server`, or raise `timeout` in `access`; answers so far are kept"
            )
        raise self._problem(said)

    def _answer(self, text: str) -> Answer:
        """The answer in a reply.

        Raises:
            UnusableReplyError: there is none that can be used.
            InputError: to another request there would be none either.
        """
        if text.lstrip().startswith("<"):
            raise self._problem("answers with a web page: change `url` in `server`")
        reply: Any = None
        try:
            reply = json.loads(text)
            choice, usage = reply["choices"][0], reply["usage"]
            said, reason = choice.get("message", choice), choice["finish_reason"]
            reason = REASONS.get(reason, reason)
            written = said.get("content", said.get("text"))
            if written is None:
                # Where the limit was reached by thoughts that are not shown, or it was withheld.
                written = said.get("refusal") or (None if reason == "stop" else "")
            answer = Answer(
                text=written,
                finish_reason=reason,
                prompt_tokens=usage["prompt_tokens"],
                tokens=usage["completion_tokens"],
                model=reply.get("model"),
            )
            # Half of a letter could not be written.
            answer.model_dump_json()
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
            if isinstance(reply, dict) and reply.get("error"):
                raise self._problem(f"failed: {self._line(str(reply['error']))}") from None
            # Not as it was sent, where a key could be written with escapes.
            sent = text if reply is None else json.dumps(reply)
            what = f"not an answer of the {self._server.api} API: {sent}"
            raise UnusableReplyError(self._line(what)) from None
        # As it was sent, and as it is kept: in JSON a letter can be written in several ways.
        if self._key and self._key in f"{text}{answer.text}{answer.model}":
            raise UnusableReplyError("it repeats the key, which must reach no file")
        return answer

    def _problem(self, message: str) -> InputError:
        return InputError(Problem(message, self._server.url))

    def _line(self, text: str) -> str:
        """A text of the server as one line without the key."""
        line = " ".join(text.split())
        if self._key:
            line = line.replace(self._key, "***")
        return line if len(line) <= LONGEST_MESSAGE else f"{line[:LONGEST_MESSAGE]}..."
