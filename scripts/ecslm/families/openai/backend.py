"""The backend that asks an OpenAI-compatible server, local or remote, through OpenAI's client.

Its tokenizer is not known, so no prompt is cut. Each answer is kept as soon as it arrives, and an
answered request is never sent again, for any job or study.

The client repeats requests: after a time-out, a cut connection, and a status 408, 409, 429 or 5xx.
It waits as long as `Retry-After` says, or twice as long each time.
"""

import asyncio
import json
import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from ecslm.common.environment import require_locked
from ecslm.common.errors import InputError, Problem
from ecslm.common.files import read_settings
from ecslm.common.hashing import canonical_json, sha256_of_text
from ecslm.common.locks import held
from ecslm.families.backend import UNUSABLE, Backend, Generated, Prompt, Request
from ecslm.families.kept_lines import KeptLine, add_line, sound_lines
from ecslm.families.openai.settings import AccessSettings, OpenAISettings, ServerSettings
from ecslm.families.settings import PredictionSettings
from ecslm.schemas.paths import SERVER_ANSWERS
from ecslm.schemas.prediction import FinishReason
from ecslm.schemas.record import Record
from ecslm.schemas.settings import Closed

if TYPE_CHECKING:
    from openai import AsyncOpenAI

log = logging.getLogger(__name__)

# Prompts that a job asks before it lets others ask the server. It must not depend on the number of
# requests at a time: a job that was killed may go on with another.
BATCH = 100
PATHS = {"chat": "/chat/completions", "completions": "/completions"}
# More tokens than a server adds to a message, as markers of turns and the like.
TOKENS_OF_MARKERS = 100
LONGEST_MESSAGE = 300


@dataclass(frozen=True, kw_only=True)
class ServerPrompt(Prompt):
    """A prompt, and the request that has it answered."""

    body: Mapping[str, Any]
    key: str
    """Digest of the server and of everything that is sent, except the user's API key."""
    most_tokens: tuple[int, int]
    """The most tokens that prompt and answer may have."""


def prompt_for(record: Record, text: str, settings: OpenAISettings, seed: int) -> ServerPrompt:
    """The prompt of a record.

    Args:
        text: of the prompt.
        seed: of sampled decoding. It is sent only then: not all servers know it.
    """
    server, decoding = settings.server, settings.decoding
    chat = server.api == "chat"
    asked = {"messages": [{"role": "user", "content": text}]} if chat else {"prompt": text}
    sampling: dict[str, Any] = {"temperature": 0.0}
    if server.sampling == "own":
        sampling = {}
    elif decoding.sample:
        sampling = {"temperature": decoding.temperature, "top_p": decoding.top_p, "seed": seed}
    body = {"model": server.model, **asked, server.limit: decoding.max_new_tokens, **sampling}
    key = sha256_of_text(canonical_json({"url": server.url, "api": server.api, "body": body}))
    # No tokenizer makes more tokens of a text than it has bytes.
    most = len(text.encode()) + TOKENS_OF_MARKERS, decoding.max_new_tokens
    known: dict[str, Any] = {"record": record, "text": text, "truncated": False}
    return ServerPrompt(**known, body=body, key=key, most_tokens=most)


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


class _Kept(KeptLine):
    """The answer to a request."""

    request: str
    answer: Answer


class AnswerCache:
    """The answers of one model of one server, by the digest of their request: lines of a file."""

    def __init__(self, server: ServerSettings) -> None:
        name = sha256_of_text(canonical_json([server.url, server.model]))[:16]
        self.path = SERVER_ANSWERS / name / "answers.jsonl"
        # Version 1.0 kept each answer in a file of its own.
        files = (path.read_bytes() for path in self.path.parent.glob("??/*.json"))
        self._older = [one for one in map(_Kept.sound, files) if one is not None]

    def answers(self) -> dict[str, Answer]:
        """All answers, also those of other processes."""
        lines = (*self._older, *sound_lines(self.path, _Kept))
        return {line.request: line.answer for line in lines}

    def add(self, request: str, answer: Answer) -> None:
        """Keep an answer."""
        add_line(self.path, _Kept(request=request, answer=answer))


class ServerBackend(Backend[OpenAISettings, ServerPrompt]):
    """Asks for all prompts in their order, but only what it was never asked before."""

    SETTINGS: ClassVar[type[PredictionSettings]] = OpenAISettings
    NEEDS: ClassVar[tuple[str, ...]] = ("template",)
    USES_PROXY: ClassVar[bool] = True
    """Whether it is reached as the environment says."""

    def __init__(self, request: Request) -> None:
        """
        Raises:
            InputError: as `Backend`, or the value of `--access` is invalid.
        """
        super().__init__(request)
        self._server = self._settings.server
        self._access = read_settings(request.access, AccessSettings, "--access")
        self._key = os.environ.get(self._access.key or "", "").strip()
        self._cache, self._address = AnswerCache(self._server), self._server.url
        self._keys: set[str] = set()
        self._answers: dict[str, Answer] = {}
        self._added: list[Answer] = []
        # The price of answers, and the most that requests may cost that have none; and the most
        # that those did whose replies cannot be used.
        self._spent = self._lost = 0.0
        # Why the last reply without an answer that can be used is none.
        self._unusable = ""

    def identity(self) -> dict[str, str]:
        """The model by its name, and the server by its URL and API."""
        return self._server.model_dump(include={"url", "model", "api"})

    def prompts(self, records: Sequence[Record]) -> list[ServerPrompt]:
        """The prompt of each record, whole; logs the most that the answers can cost.

        Raises:
            InputError: the template does not fit a record.
        """
        template = self._request.prompt_template()
        if self._server.api == "chat" and template.markers:
            log.warning(
                "%s: the template has markers of turns, and a chat server adds its own: choose one "
                "without, or `api: completions`",
                template.path,
            )
        own, seed = self._settings, self._request.seed
        texts = (template.render(record, own.shots) for record in records)
        prompts = [prompt_for(*one, own, seed) for one in zip(records, texts, strict=True)]
        self._keys, self._answers = {one.key for one in prompts}, self._cache.answers()
        if (prices := self._access.prices) is not None:
            missing = self._missing(prompts)
            most = prices.of_all(one.most_tokens for one in missing)
            log.info(
                "%d of %d prompts to ask, for at most %.2f %s",
                *(len(missing), len(records), most, prices.currency),
            )
        return prompts

    def batches(self, prompts: Sequence[ServerPrompt]) -> list[list[int]]:
        """Batches of prompts, in order."""
        every = range(len(prompts))
        return [list(every[start : start + BATCH]) for start in every[::BATCH]]

    def generate(self, prompts: Sequence[ServerPrompt], batch: int) -> list[Generated]:  # noqa: ARG002
        """Answer prompts, in order; the server is asked for what it was never asked before.

        Meanwhile other jobs that ask it for the same model wait: together they send no more
        requests at a time than are allowed, and pay for none twice. After a failure no request is
        sent, but answers to those that were are waited for.

        Raises:
            InputError: there is no key; the first failure, as that the budget may not suffice for a
                request; or the model has never given an answer that can be used.
            OSError: an answer cannot be written.
        """
        with held(self._cache.path.with_name("lock"), self._server.url, wait=True):
            self._answers = self._cache.answers()
            if missing := self._missing(prompts):
                require_locked(("openai",))
                # Other characters could not be sent, and the error would show the key.
                sendable = self._key and self._key.isascii() and self._key.isprintable()
                if (variable := self._access.key) and not sendable:
                    raise self._problem(
                        f"the environment variable {variable} is not set, or to what is no key: "
                        "set it to the key, or remove `key` from `access` if the server needs none"
                    )
                kept = self._answers.values()
                self._spent = self._lost + sum(self._price(one.counts) for one in kept)
                asyncio.run(self._ask(missing))
        return self._answered(prompts)

    def _answered(self, prompts: Sequence[ServerPrompt]) -> list[Generated]:
        """The answers to prompts that were asked."""
        if self._unusable and not self._answers:
            raise self._problem(self._unusable)
        return [
            Generated(one.text, *one.counts, one.finish_reason)
            if (one := self._answers.get(prompt.key))
            else UNUSABLE
            for prompt in prompts
        ]

    def cost(self) -> dict[str, float | str | None]:
        """What the answers to all prompts of the job have cost, and what of it was paid now."""
        answers = [self._answers[key] for key in sorted(self._keys & self._answers.keys())]
        cost: dict[str, float | str | None] = {
            "device": f"{self._server.model} at {self._server.url}",
            # Another model may have been put behind the same name, while some answers were kept.
            "answered_by": ", ".join(sorted({one.model for one in answers if one.model})) or None,
            "requests": len(self._added),
            "answers_from_cache": len(answers) - len(self._added),
            "unusable_answers": len(self._keys) - len(answers),
        }
        if (prices := self._access.prices) is not None:
            cost |= {
                "price": prices.of_all(one.counts for one in answers),
                "paid": prices.of_all(one.counts for one in self._added),
                "currency": prices.currency,
                "prices_as_of": prices.as_of.isoformat(),
            }
        return cost

    def _missing(self, prompts: Sequence[ServerPrompt]) -> list[ServerPrompt]:
        """The prompts without an answer, those of equal requests once."""
        return [*{one.key: one for one in prompts if one.key not in self._answers}.values()]

    async def _ask(self, prompts: Sequence[ServerPrompt]) -> None:
        """Ask all prompts, and keep each answer as soon as it arrives."""
        from openai import AsyncOpenAI, DefaultAsyncHttpxClient

        slots, failures = asyncio.Semaphore(self._access.concurrency), list[Exception]()

        async def ask(prompt: ServerPrompt) -> None:
            async with slots:
                try:
                    if not failures:
                        await self._asked(client, prompt)
                except (InputError, OSError) as error:
                    failures.append(error)

        try:
            # A redirected request would lose its body.
            of_http = DefaultAsyncHttpxClient(follow_redirects=False, trust_env=self.USES_PROXY)
        except Exception:
            # The text may show a part of a proxy's password.
            raise self._problem("the environment's proxy or certificates cannot be used") from None
        async with AsyncOpenAI(
            # The client insists on a key. Servers that need none do not look at it.
            api_key=self._key or "none",
            base_url=self._address,
            timeout=self._access.timeout,
            max_retries=self._access.retries,
            http_client=of_http,
        ) as client:
            await asyncio.gather(*map(ask, prompts))
        if failures:
            raise failures[0]

    async def _asked(self, client: "AsyncOpenAI", prompt: ServerPrompt) -> None:
        """Ask, and keep the answer. A reply that cannot be used may have been charged, too."""
        most, budget = self._price(prompt.most_tokens), self._access.budget
        if budget is not None and self._spent + most > budget:
            raise self._problem(
                f"the budget of {budget:.2g} is reached: answers, and requests on their way, may "
                f"cost {self._spent:.2g}, and the next {most:.2g}: raise `budget` in `access`; "
                "answers so far are kept"
            )
        self._spent += most
        text = await self._reply(client, prompt)
        answer = WITHHELD if text is None else self._read(text)
        if isinstance(answer, str):
            self._lost += most
            self._unusable = f"record {prompt.record.id}: {self._line(answer)}"
            log.warning("%s: counts as invalid", self._unusable)
            return
        self._spent += self._price(answer.counts) - most
        self._cache.add(prompt.key, answer)
        self._answers[prompt.key] = answer
        self._added.append(answer)

    def _price(self, tokens: tuple[int, int]) -> float:
        prices = self._access.prices
        return 0.0 if prices is None else prices.of(*tokens)

    async def _reply(self, client: "AsyncOpenAI", prompt: ServerPrompt) -> str | None:
        """The text of the reply; None if a content filter has refused the prompt."""
        import httpx2
        from openai import APIConnectionError, APIStatusError

        path, sent = PATHS[self._server.api], dict(prompt.body)
        try:
            return (await client.post(path, cast_to=httpx2.Response, body=sent)).text
        except APIStatusError as error:
            if error.code == "content_filter":
                return None
            said = self._line(f"{error.status_code} ({error.body})")
            raise self._problem(
                f"record {prompt.record.id}: {said}: see `key` in `access`, and `model` and `url` "
                "in `server`, or run again later; answers so far are kept"
            ) from None
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
                finish_reason=choice["finish_reason"],
                prompt_tokens=usage["prompt_tokens"],
                tokens=usage["completion_tokens"],
                model=reply.get("model"),
            )
            # Half of a letter could not be written.
            answer.model_dump_json()
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
            # Not as it was sent, where the key could be written with escapes.
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
        return (line.replace(self._key, "***") if self._key else line)[:LONGEST_MESSAGE]


BACKEND = ServerBackend
