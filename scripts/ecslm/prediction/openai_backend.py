"""The backend that asks an OpenAI-compatible server, local or remote.

Its tokenizer is not known, so no prompt is cut. Each answer is kept as soon as it arrives, and an
answered request is never sent again, for any job or study.
"""

import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from ecslm.common.cli import read_settings
from ecslm.common.locks import held
from ecslm.common.versions import require_locked
from ecslm.models.prompts import PromptTemplate
from ecslm.prediction.backend import Generated, Request, Tell, needed
from ecslm.prediction.openai_settings import AccessSettings, OpenAISettings
from ecslm.prediction.server_answers import Answer, AnswerCache, server_folder
from ecslm.prediction.server_client import ServerClient, ServerRequest, request_for
from ecslm.schemas.paths import SERVER_ANSWERS
from ecslm.schemas.record import Record

log = logging.getLogger(__name__)

SETTINGS = OpenAISettings
# What is asked of this backend.
OpenAIRequest = Request[OpenAISettings]

# Prompts that a job asks before it lets others ask the server. It must not depend on the number of
# requests at a time: a job that was killed may go on with another.
BATCH = 100
# Of a request whose reply cannot be used: an answer that is counted as invalid.
NO_ANSWER = Generated("", prompt_tokens=None, tokens=None, stopped=None)


def libraries(_settings: OpenAISettings, tuned: bool) -> tuple[str, ...]:  # noqa: ARG001
    """Libraries whose versions can change a prediction: that of prompts alone."""
    return ("Jinja2",)


def identity(request: OpenAIRequest) -> dict[str, str]:
    """The model by its name, and the server by its URL and API.

    Raises:
        InputError: the template is missing, or there are options that a server does not need.
    """
    request.refuse("base", "adapter", "answers", "train", "val")
    _template(request)
    server = request.settings.server
    return {"url": server.url, "model": server.model, "api": server.api}


def open_backend(request: OpenAIRequest) -> "ServerBackend":
    """The backend. The server is asked only for answers that are not there yet.

    Raises:
        InputError: as `identity`, or the value of `--access` is invalid.
    """
    access = read_settings(request.access, AccessSettings, "--access")
    return ServerBackend(request, access, SERVER_ANSWERS)


def going_to_ask(
    settings: OpenAISettings, template: Path, seed: int, records: Sequence[Record] | None
) -> bool:
    """Whether a job will certainly ask the server, since an answer is missing.

    Args:
        template: file of the prompt.
        records: None if they are not known.

    Raises:
        InputError: the template does not fit a record.
    """
    kept = AnswerCache(server_folder(SERVER_ANSWERS, settings.server)).answers()
    if records is None:
        return not kept
    prompts = _prompts(PromptTemplate(template), settings.shots, filter(settings.asks, records))
    return any(_request(one, settings, seed).key not in kept for one in prompts)


@dataclass(frozen=True)
class ServerPrompt:
    """A prompt as text, and the id of its record."""

    text: str
    record: str
    truncated: bool = False


class ServerBackend:
    """Asks for all prompts in their order."""

    def __init__(self, request: OpenAIRequest, access: AccessSettings, cache: Path) -> None:
        """
        Args:
            cache: directory of the answers of all servers.
        """
        self._request, self._template = request, _template(request)
        self._model = ServerModel(request.settings, access, request.seed, cache)

    def prompts(self, records: Sequence[Record]) -> list[ServerPrompt]:
        """The prompt of each record, whole.

        Raises:
            InputError: the template does not fit a record.
        """
        settings = self._request.settings
        prompts = list(_prompts(self._template, settings.shots, records))
        if settings.server.api == "chat" and self._template.markers:
            log.warning(
                "%s: the template has markers of turns, and a chat server adds its own: choose one "
                "without, or `api: completions`",
                self._template.path,
            )
        self._model.expect(prompts)
        return prompts

    def batches(self, prompts: Sequence[ServerPrompt]) -> list[list[int]]:
        """Batches of prompts, in order."""
        indices = list(range(len(prompts)))
        return [indices[start : start + BATCH] for start in range(0, len(indices), BATCH)]

    def load(self) -> "ServerModel":
        """The model, which is at the server."""
        return self._model


class ServerModel:
    """A model of a server, with the answers that it has given."""

    def __init__(
        self, settings: OpenAISettings, access: AccessSettings, seed: int, cache: Path
    ) -> None:
        """
        Args:
            seed: of sampled decoding.
            cache: as for `ServerBackend`.
        """
        self._settings, self._access, self._seed = settings, access, seed
        self._folder = server_folder(cache, settings.server)
        self._cache = AnswerCache(self._folder)
        self._new: dict[str, Answer] = {}
        self._prompts: Sequence[ServerPrompt] = ()

    def expect(self, prompts: Sequence[ServerPrompt]) -> None:
        """Take the prompts of the job, whose cost is told: the most that it can be at once."""
        self._prompts = prompts
        if (prices := self._access.prices) is not None:
            kept = self._cache.answers()
            missing = {one.key: one for one in map(self._to_send, prompts) if one.key not in kept}
            most = prices.of_all(one.most_tokens for one in missing.values())
            log.info(
                "%d of %d prompts to ask, for at most %.2f %s",
                *(len(missing), len(prompts), most, prices.currency),
            )

    def generate(
        self, prompts: Sequence[ServerPrompt], _batch: int, answered: Tell
    ) -> list[Generated]:
        """Answer prompts, in order; the server is asked for what it was never asked before.

        Meanwhile other jobs that ask it for the same model wait: together they send no more
        requests at a time than are allowed, and pay for none twice.

        Raises:
            InputError: there is no key, the server cannot be reached, it refuses the key or a
                request, no answer can be used, or the budget does not suffice.
        """
        requests = [self._to_send(prompt) for prompt in prompts]
        waiting = Counter(one.key for one in requests)

        def keep(key: str, answer: Answer) -> None:
            self._cache.add(key, answer)
            self._new[key] = answer
            answered(waiting[key])

        with held(self._folder / "lock", self._settings.server.url, wait=True):
            found = dict(self._cache.answers())
            missing = {one.key: one for one in requests if one.key not in found}
            answered(sum(waiting[key] for key in waiting if key in found))
            if missing:
                self._client.ask(missing.values(), keep, found.values())
            found = dict(self._cache.answers())
        if without := sum(waiting[key] for key in missing if key not in found):
            answered(without)
        return [_generated(found[one.key]) if one.key in found else NO_ANSWER for one in requests]

    def cost(self) -> dict[str, float | str | None]:
        """What the answers to all prompts of the job have cost, and what of it was paid now."""
        kept = self._cache.answers()
        keys = {self._to_send(prompt).key for prompt in self._prompts}
        answers = [kept[key] for key in sorted(keys) if key in kept]
        withheld = sum(answer.finish_reason == "content_filter" for answer in answers)
        names = sorted({answer.model for answer in answers if answer.model})
        if len(names) > 1:
            log.warning("%s: the server names several models: %s", self._folder, ", ".join(names))
        cost: dict[str, float | str | None] = {
            "device": f"{self._settings.server.model} at {self._settings.server.url}",
            "answered_by": ", ".join(names) or None,
            "requests": len(self._new),
            "answers_from_cache": len(answers) - len(self._new),
            "unusable_answers": len(keys) - len(answers),
            "withheld_by_content_filter": withheld,
        }
        if (prices := self._access.prices) is not None:
            cost |= {
                "price": prices.of_all(one.counts for one in answers),
                "paid": prices.of_all(one.counts for one in self._new.values()),
                "currency": prices.currency,
                "prices_as_of": prices.as_of.isoformat(),
            }
        return cost

    @cached_property
    def _client(self) -> ServerClient:
        require_locked(("openai",))
        return ServerClient(self._settings.server, self._access)

    def _to_send(self, prompt: ServerPrompt) -> ServerRequest:
        return _request(prompt, self._settings, self._seed)


def _generated(answer: Answer) -> Generated:
    return Generated(
        text=answer.text,
        prompt_tokens=answer.prompt_tokens,
        tokens=answer.tokens,
        stopped=answer.finish_reason == "stop",
        withheld=answer.finish_reason == "content_filter",
    )


def _prompts(
    template: PromptTemplate, shots: int, records: Iterable[Record]
) -> Iterator[ServerPrompt]:
    return (ServerPrompt(template.render(record, shots), record.id) for record in records)


def _request(prompt: ServerPrompt, settings: OpenAISettings, seed: int) -> ServerRequest:
    return request_for(prompt.text, prompt.record, settings.server, settings.decoding, seed)


def _template(request: OpenAIRequest) -> PromptTemplate:
    return needed(request.template, "template", request.settings.backend)
