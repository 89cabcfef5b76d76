"""Asking an OpenAI-compatible server, several requests at a time, through OpenAI's own client.

The client repeats requests: after a time-out, a cut connection, and a status 408, 409, 429 or 5xx.
It waits as long as `Retry-After` says, or twice as long each time.
"""

import asyncio
import os
from collections import deque
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from typing import TYPE_CHECKING

from ecslm.common.errors import InputError, Problem
from ecslm.prediction.openai_settings import AccessSettings, ServerSettings
from ecslm.prediction.server_answers import WITHHELD, Answer, UnusableAnswerError, answer_of
from ecslm.prediction.server_requests import ServerRequest
from ecslm.prediction.server_route import proxy_variable, route_problems
from ecslm.prediction.spending import Charge, Spending

if TYPE_CHECKING:
    import httpx2
    from openai import APIConnectionError, APIStatusError, AsyncOpenAI

PATHS = {"chat": "/chat/completions", "completions": "/completions"}
# The client insists on a key. Servers that need none do not look at it.
NO_KEY = "none"
LONGEST_MESSAGE = 300
# Statuses of requests that no model has seen. Others may be charged, such as that of a gateway
# which did not wait for the answer, or of a content filter.
NOT_CHARGED = frozenset((401, 402, 403, 404, 429, 500, 503))

# That of the request which the task is sending, for the client's hooks.
_charge: ContextVar[Charge | None] = ContextVar("_charge", default=None)


class ServerClient:
    """Asks one model of one server."""

    def __init__(self, server: ServerSettings, access: AccessSettings) -> None:
        """
        Raises:
            InputError: the key's environment variable is not set, or others are wrong by which the
                server is reached.
        """
        self._server, self._access = server, access
        if problems := [*route_problems(server.url)]:
            raise InputError(*(Problem(problem, server.url) for problem in problems))
        self._key = "" if access.key is None else self._key_of(access.key)

    def ask(
        self,
        requests: Mapping[str, ServerRequest],
        keep: Callable[[str, Answer], None],
        spending: Spending | None,
    ) -> None:
        """Ask all requests, each by its key; `keep` gets each answer as soon as it arrives.

        After a failure no request is sent, but answers to those that were are waited for.

        Raises:
            InputError: the first failure.
            OSError: an answer or what it cost cannot be written.
        """
        asyncio.run(self._ask(deque(requests.values()), keep, spending))

    async def _ask(
        self,
        waiting: deque[ServerRequest],
        keep: Callable[[str, Answer], None],
        spending: Spending | None,
    ) -> None:
        failures: list[InputError | OSError] = []

        async def work(client: "AsyncOpenAI") -> None:
            while waiting and not failures:
                request = waiting.popleft()
                try:
                    keep(request.key, await self._answer(client, request, spending))
                except (InputError, OSError) as error:
                    failures.append(error)

        async with self._client() as client, asyncio.TaskGroup() as workers:
            for _ in range(min(self._access.concurrency, len(waiting))):
                workers.create_task(work(client))
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

        return AsyncOpenAI(
            api_key=self._key or NO_KEY,
            base_url=self._server.url,
            timeout=self._access.timeout,
            max_retries=self._access.retries,
            http_client=DefaultAsyncHttpxClient(
                event_hooks={
                    "request": [_before_sending],
                    "response": [_after_status, self._read],
                }
            ),
        )

    async def _read(self, response: "httpx2.Response") -> None:
        """Read a reply within the time-out, which the client restarts with each byte."""
        import httpx2

        try:
            async with asyncio.timeout(self._access.timeout):
                await response.aread()
        except TimeoutError:
            raise httpx2.ReadTimeout("too slow", request=response.request) from None

    async def _answer(
        self, client: "AsyncOpenAI", request: ServerRequest, spending: Spending | None
    ) -> Answer:
        """The answer to a request, which is charged."""
        prices = self._access.prices
        if spending is None or prices is None:
            return await self._sent(client, request)
        charge = Charge(spending, prices.of(*request.most_tokens))
        _charge.set(charge)
        price = None
        try:
            answer = await self._sent(client, request)
            if answer is not WITHHELD:
                price = prices.of(*answer.counts)
        finally:
            await charge.end(price)
        return answer

    async def _sent(self, client: "AsyncOpenAI", request: ServerRequest) -> Answer:
        import httpx2
        from openai import APIConnectionError, APIStatusError

        try:
            response = await client.post(
                PATHS[self._server.api], cast_to=httpx2.Response, body=dict(request.body)
            )
            answer = answer_of(response.text, self._server.api)
            # As it was sent, and as it is kept: in JSON a letter can be written in several ways.
            if self._key and self._key in response.text + answer.text + (answer.model or ""):
                raise UnusableAnswerError("it repeats the key, which must reach no file")
            return answer
        except UnusableAnswerError as error:
            raise self._problem(self._line(f"{error}"), request.record) from None
        except APIStatusError as error:
            if error.code == "content_filter":
                return WITHHELD
            raise self._refused(error, request) from None
        except APIConnectionError as error:
            raise self._unreachable(error) from None

    def _refused(self, error: "APIStatusError", request: ServerRequest) -> InputError:
        status, access, model = error.status_code, self._access, self._server.model
        said = f"{status}: {self._words(error)}"
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
            if (variable := proxy_variable(self._server.url)) is not None:
                return self._problem(
                    f"cannot be reached ({cause}) through the proxy of the environment variable "
                    f"{variable}: correct or unset it, or name the server in `no_proxy`"
                )
            return self._problem(
                f"cannot be reached ({cause}): start the server, or change `url` in `server`"
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


async def _before_sending(_request: "httpx2.Request") -> None:
    """Reserve what a request may cost, each time that the client sends it."""
    if (charge := _charge.get()) is not None:
        await charge.sent_again()


async def _after_status(response: "httpx2.Response") -> None:
    """Free what was reserved for a request that is not charged."""
    free = response.status_code in NOT_CHARGED or response.is_redirect
    if free and (charge := _charge.get()) is not None:
        await charge.end(0.0)
