"""Asking an OpenAI-compatible server, several requests at a time, through OpenAI's own client.

The client repeats requests: after a time-out, a cut connection, and a status 408, 409, 429 or 5xx.
It waits as long as `Retry-After` says, or twice as long each time.
"""

import asyncio
import logging
import os
from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.request import getproxies_environment

from ecslm.common.errors import InputError, Problem
from ecslm.common.hashing import canonical_json, sha256_of_text
from ecslm.prediction.openai_settings import AccessSettings, ServerDecoding, ServerSettings
from ecslm.prediction.server_answers import (
    WITHHELD,
    Answer,
    FailureReplyError,
    UnusableReplyError,
    answer_of,
)

if TYPE_CHECKING:
    from openai import APIConnectionError, APIStatusError, AsyncOpenAI

log = logging.getLogger(__name__)

PATHS = {"chat": "/chat/completions", "completions": "/completions"}
# The client insists on a key. Servers that need none do not look at it.
NO_KEY = "none"
LONGEST_MESSAGE = 300
# More tokens than a server adds to a message, as markers of turns and the like.
TOKENS_OF_MARKERS = 100
# So many replies, none of which can be used, are no accident.
USELESS = 10


@dataclass(frozen=True)
class ServerRequest:
    """A request, and the record that it is for."""

    key: str
    """Digest of the server and of everything that is sent, except the user's API key."""
    record: str
    body: Mapping[str, Any]
    most_tokens: tuple[int, int]
    """The most tokens that its prompt and its answer may have."""


def request_for(
    prompt: str, record: str, server: ServerSettings, decoding: ServerDecoding, seed: int
) -> ServerRequest:
    """The request of a prompt.

    Args:
        record: its id.
        seed: of sampled decoding. It is sent only then: not all servers know it.
    """
    text = (
        {"messages": [{"role": "user", "content": prompt}]}
        if server.api == "chat"
        else {"prompt": prompt}
    )
    sampling: dict[str, Any] = {"temperature": 0.0}
    if server.sampling == "own":
        sampling = {}
    elif decoding.sample:
        sampling = {"temperature": decoding.temperature, "top_p": decoding.top_p, "seed": seed}
    body = {"model": server.model, **text, server.limit: decoding.max_new_tokens, **sampling}
    sent = {"url": server.url, "api": server.api, "body": body}
    # No tokenizer makes more tokens of a text than it has bytes.
    most = len(prompt.encode()) + TOKENS_OF_MARKERS, decoding.max_new_tokens
    return ServerRequest(sha256_of_text(canonical_json(sent)), record, body, most)


class ServerClient:
    """Asks one model of one server."""

    def __init__(self, server: ServerSettings, access: AccessSettings) -> None:
        """
        Raises:
            InputError: the key's environment variable is not set.
        """
        self._server, self._access = server, access
        self._key = "" if access.key is None else self._key_of(access.key)
        # Money for requests that have no answer.
        self._lost = 0.0

    def ask(
        self,
        requests: Iterable[ServerRequest],
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
            InputError: the first failure; or the model has never given an answer that can be used.
            OSError: an answer cannot be written.
        """
        asyncio.run(self._ask(deque(requests), keep, known))

    async def _ask(
        self,
        waiting: deque[ServerRequest],
        keep: Callable[[str, Answer], None],
        known: Collection[Answer],
    ) -> None:
        failures: list[InputError | OSError] = []
        budget = _Budget(self._access, known, self._lost)
        used, useless, enough = len(known), 0, min(USELESS, len(waiting))

        async def work(client: "AsyncOpenAI") -> None:
            nonlocal used, useless
            while waiting and not failures:
                request = waiting.popleft()
                try:
                    await budget.reserve(request)
                    answer = None
                    try:
                        # Others may have failed while this waited for the budget.
                        if not failures:
                            answer = await self._answer(client, request)
                    except UnusableReplyError as error:
                        useless += 1
                        line = self._line(f"{error}")
                        if useless >= enough and not used:
                            raise self._problem(line, request.record) from None
                        log.warning("record %s: %s: counts as invalid", request.record, line)
                    finally:
                        await budget.settle(request, answer)
                    if answer is not None:
                        used += 1
                        keep(request.key, answer)
                except (InputError, OSError) as error:
                    failures.append(error)

        async with self._client() as client, asyncio.TaskGroup() as workers:
            for _ in range(min(self._access.concurrency, len(waiting))):
                workers.create_task(work(client))
        self._lost = budget.lost
        if failures:
            raise failures[0]

    def _key_of(self, variable: str) -> str:
        key = os.environ.get(variable, "").strip()
        if not key:
            raise self._problem(
                f"the environment variable {variable} is not set: set it to the key, or remove "
                "`key` from `access` if the server needs none"
            )
        if not (key.isascii() and key.isprintable()):
            # A header could not hold it, and the error would show it.
            raise self._problem(f"the value of {variable} is no key: it has other characters")
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
                "a proxy or SSL_CERT_FILE of the environment cannot be used: correct or unset "
                "HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and SSL_CERT_FILE"
            ) from None

    async def _answer(self, client: "AsyncOpenAI", request: ServerRequest) -> Answer:
        import httpx2
        from openai import APIConnectionError, APIStatusError

        try:
            response = await client.post(
                PATHS[self._server.api], cast_to=httpx2.Response, body=dict(request.body)
            )
        except APIStatusError as error:
            if error.code == "content_filter":
                return WITHHELD
            raise self._refused(error, request) from None
        except APIConnectionError as error:
            raise self._unreachable(error) from None
        try:
            answer = answer_of(response.text, self._server.api)
        except FailureReplyError as error:
            raise self._problem(self._line(f"{error}")) from None
        # As it was sent, and as it is kept: in JSON a letter can be written in several ways.
        if self._key and self._key in response.text + answer.text + (answer.model or ""):
            raise UnusableReplyError("it repeats the key, which must reach no file")
        return answer

    def _refused(self, error: "APIStatusError", request: ServerRequest) -> InputError:
        status, access, model = error.status_code, self._access, self._server.model
        said = f"{status}: {self._words(error)}"
        if status < 400:
            return self._problem(f"redirects to another page ({said}): change `url` in `server`")
        if status in (401, 403):
            if access.key is None:
                return self._problem(
                    f"needs a key ({said}): name its environment variable as `key` in `access`"
                )
            return self._problem(f"refused the key of {access.key} ({said}): set another")
        if status == 404:
            return self._problem(
                f"no model {model!r}, or no API at this URL ({said}): change `model` or `url` in "
                "`server`"
            )
        if status == 429:
            return self._problem(
                f"too many requests, or no credit ({said}): lower `concurrency` in `access`, or "
                "run again later; answers so far are kept"
            )
        if status >= 500:
            return self._problem(
                f"failed {access.retries + 1} times ({said}): run again later; answers so far are "
                "kept"
            )
        return self._problem(f"refused the request ({said})", request.record)

    def _unreachable(self, error: "APIConnectionError") -> InputError:
        import httpx2
        from openai import APITimeoutError

        times = self._access.retries + 1
        if isinstance(error, APITimeoutError):
            return self._problem(
                f"no answer within {self._access.timeout:g} s, {times} times: raise `timeout` or "
                "lower `concurrency` in `access`; answers so far are kept"
            )
        cause = self._line(str(error.__cause__) or type(error.__cause__).__name__)
        if isinstance(error.__cause__, (httpx2.ConnectError, httpx2.ProxyError)):
            proxy = ", or the proxy in the environment" if getproxies_environment() else ""
            return self._problem(
                f"cannot be reached ({cause}): start the server, or change `url` in `server`{proxy}"
            )
        return self._problem(
            f"the connection was cut {times} times ({cause}): run again; answers so far are kept"
        )

    def _problem(self, message: str, record: str | None = None) -> InputError:
        about = "" if record is None else f"record {record}: "
        return InputError(Problem(about + message, self._server.url))

    def _words(self, error: "APIStatusError") -> str:
        """What the server says of an error, without the key."""
        body = error.body
        words = body.get("message") or body.get("detail") if isinstance(body, dict) else body
        return self._line(str(words or "no message"))

    def _line(self, text: str) -> str:
        line = " ".join(text.split())
        if self._key:
            line = line.replace(self._key, "***")
        return line if len(line) <= LONGEST_MESSAGE else f"{line[:LONGEST_MESSAGE]}..."


class _Budget:
    """What a model has cost, and what requests on their way may cost."""

    def __init__(self, access: AccessSettings, known: Collection[Answer], lost: float) -> None:
        self._prices, self._limit = access.prices, access.budget
        self._kept = self._prices.of_all(one.counts for one in known) if self._prices else 0.0
        self._reserved: list[float] = []
        self._changed = asyncio.Condition()
        self.lost = lost
        """For requests without an answer, which may be charged."""

    async def reserve(self, request: ServerRequest) -> None:
        """Count the most that a request may cost, which is about to be sent; wait for others, if
        the budget is too short only because of what they may cost.

        Raises:
            InputError: that is more than the budget leaves.
        """
        if self._prices is None or self._limit is None:
            return
        most, currency = self._prices.of(*request.most_tokens), self._prices.currency
        async with self._changed:
            while self._kept + self.lost + sum(self._reserved) + most > self._limit:
                if not self._reserved:
                    raise InputError(
                        f"the budget of {_money(self._limit)} {currency} is reached: "
                        f"{_money(self._kept + self.lost)} {currency} are spent, and the next "
                        f"request may cost {_money(most)} {currency}: raise `budget` in `access`; "
                        "answers so far are kept"
                    )
                await self._changed.wait()
            self._reserved.append(most)

    async def settle(self, request: ServerRequest, answer: Answer | None) -> None:
        """Count what the answer has cost; None: there is none."""
        if self._prices is None or self._limit is None:
            return
        most = self._prices.of(*request.most_tokens)
        async with self._changed:
            self._reserved.remove(most)
            if answer is None:
                self.lost += most
            else:
                self._kept += self._prices.of(*answer.counts)
            self._changed.notify_all()


def _money(amount: float) -> str:
    return f"{amount:.2f}" if amount >= 1 else f"{amount:.2g}"
