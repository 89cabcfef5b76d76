"""The backend that asks an OpenAI-compatible server, local or remote.

Its tokenizer is not known, so no prompt is cut. Each answer is kept as soon as it arrives, and an
answered request is never sent again, for any job or study.
"""

import logging
from collections.abc import Sequence

from ecslm.common.environment import require_locked
from ecslm.common.files import read_settings
from ecslm.common.hashing import canonical_json, sha256_of_text
from ecslm.common.locks import held
from ecslm.prediction.backend import Backend, Generated, Prompt, Request
from ecslm.prediction.kept_lines import KeptLine, add_line, sound_lines
from ecslm.prediction.server_client import (
    AccessSettings,
    Answer,
    OpenAISettings,
    ServerClient,
    ServerRequest,
    ServerSettings,
    request_for,
)
from ecslm.schemas.paths import SERVER_ANSWERS
from ecslm.schemas.record import Record

log = logging.getLogger(__name__)

# Prompts that a job asks before it lets others ask the server. It must not depend on the number of
# requests at a time: a job that was killed may go on with another.
BATCH = 100


class _Kept(KeptLine):
    """The answer to a request."""

    request: str
    answer: Answer


class AnswerCache:
    """The answers of one model of one server, by the digest of their request: lines of a file."""

    def __init__(self, server: ServerSettings) -> None:
        name = sha256_of_text(canonical_json([server.url, server.model]))[:16]
        self.path = SERVER_ANSWERS / name / "answers.jsonl"

    def answers(self) -> dict[str, Answer]:
        """All answers, also those of other processes."""
        return {line.request: line.answer for line in sound_lines(self.path, _Kept)}

    def add(self, request: str, answer: Answer) -> None:
        """Keep an answer."""
        add_line(self.path, _Kept(request=request, answer=answer))


class ServerBackend(Backend[OpenAISettings, Prompt]):
    """Asks for all prompts in their order, but only what it was never asked before."""

    SETTINGS = OpenAISettings
    NEEDS = ("template",)
    TAKES = ("access",)

    def __init__(self, request: Request) -> None:
        """
        Raises:
            InputError: as `Backend`, or the value of `--access` is invalid.
        """
        super().__init__(request)
        self._server = self._settings.server
        self._access = read_settings(request.access, AccessSettings, "--access")
        self._cache = AnswerCache(self._server)
        self._client = ServerClient(self._server, self._access)
        self._requests: list[ServerRequest] = []
        self._answers: dict[str, Answer] = {}
        self._added: list[Answer] = []

    @staticmethod
    def libraries(settings: OpenAISettings, tuned: bool) -> tuple[str, ...]:  # noqa: ARG004
        """That of prompts alone."""
        return ("Jinja2",)

    def identity(self) -> dict[str, str]:
        """The model by its name, and the server by its URL and API."""
        return self._server.model_dump(include={"url", "model", "api"})

    def prompts(self, records: Sequence[Record]) -> list[Prompt]:
        """The prompt of each record, whole; logs the most that the answers can cost.

        Raises:
            InputError: the template does not fit a record.
        """
        template, settings = self._request.prompt_template(), self._settings
        if self._server.api == "chat" and template.markers:
            log.warning(
                "%s: the template has markers of turns, and a chat server adds its own: choose one "
                "without, or `api: completions`",
                template.path,
            )
        texts = (template.render(record, settings.shots) for record in records)
        prompts = [Prompt(one, text, False) for one, text in zip(records, texts, strict=True)]
        self._requests = self._requested(prompts)
        self._answers = self._cache.answers()
        if (prices := self._access.prices) is not None:
            missing = self._missing(self._requests)
            most = prices.of_all(one.most_tokens for one in missing)
            log.info(
                "%d of %d prompts to ask, for at most %.2f %s",
                *(len(missing), len(records), most, prices.currency),
            )
        return prompts

    def batches(self, prompts: Sequence[Prompt]) -> list[list[int]]:
        """Batches of prompts, in order."""
        indices = list(range(len(prompts)))
        return [indices[start : start + BATCH] for start in range(0, len(indices), BATCH)]

    def generate(self, prompts: Sequence[Prompt], batch: int) -> list[Generated]:  # noqa: ARG002
        """Answer prompts, in order; the server is asked for what it was never asked before.

        Meanwhile other jobs that ask it for the same model wait: together they send no more
        requests at a time than are allowed, and pay for none twice.

        Raises:
            InputError: there is no key, the server cannot be reached, it refuses the key or a
                request, no answer can be used, or the budget does not suffice.
        """
        requests = self._requested(prompts)
        with held(self._cache.path.with_name("lock"), self._server.url, wait=True):
            self._answers = self._cache.answers()
            if missing := self._missing(requests):
                require_locked(("openai",))
                self._client.ask(missing, self._keep, [*self._answers.values()])
        return [
            Generated(one.text, *one.counts, one.finish_reason)
            if (one := self._answers.get(request.key))
            # The reply could not be used: an answer that is counted as invalid.
            else Generated("", None, None, None)
            for request in requests
        ]

    def cost(self) -> dict[str, float | str | None]:
        """What the answers to all prompts of the job have cost, and what of it was paid now."""
        keys = {one.key for one in self._requests}
        answers = [self._answers[key] for key in sorted(keys & self._answers.keys())]
        withheld = sum(answer.finish_reason == "content_filter" for answer in answers)
        cost: dict[str, float | str | None] = {
            "device": f"{self._server.model} at {self._server.url}",
            # Another model may have been put behind the same name, while some answers were kept.
            "answered_by": ", ".join(sorted({one.model for one in answers if one.model})) or None,
            "requests": len(self._added),
            "answers_from_cache": len(answers) - len(self._added),
            "unusable_answers": len(keys) - len(answers),
            "withheld_by_content_filter": withheld,
        }
        if (prices := self._access.prices) is not None:
            cost |= {
                "price": prices.of_all(one.counts for one in answers),
                "paid": prices.of_all(one.counts for one in self._added),
                "currency": prices.currency,
                "prices_as_of": prices.as_of.isoformat(),
            }
        return cost

    def _requested(self, prompts: Sequence[Prompt]) -> list[ServerRequest]:
        own, seed = self._settings, self._request.seed
        return [request_for(one.text or "", one.record.id, own, seed) for one in prompts]

    def _missing(self, requests: Sequence[ServerRequest]) -> list[ServerRequest]:
        """The requests without an answer, each once."""
        return [*{one.key: one for one in requests if one.key not in self._answers}.values()]

    def _keep(self, request: str, answer: Answer) -> None:
        self._cache.add(request, answer)
        self._answers[request] = answer
        self._added.append(answer)


BACKEND = ServerBackend
