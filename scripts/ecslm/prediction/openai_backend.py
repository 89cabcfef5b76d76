"""The backend that asks an OpenAI-compatible server, local or remote.

Its tokenizer is not known, so no prompt is cut. Each answer is kept as soon as it arrives, and an
answered request is never sent again, for any job or study.
"""

import logging
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path

from ecslm.common.cli import read_settings
from ecslm.common.hashing import canonical_json, sha256_of_text
from ecslm.common.locks import held
from ecslm.common.versions import require_locked
from ecslm.models.prompts import PromptTemplate
from ecslm.prediction.backend import Generated, Request
from ecslm.prediction.kept_lines import KeptLine, add_line, sound_lines
from ecslm.prediction.openai_settings import AccessSettings, OpenAISettings, ServerSettings
from ecslm.prediction.server_client import Answer, ServerClient, ServerRequest, request_for
from ecslm.schemas.paths import SERVER_ANSWERS
from ecslm.schemas.record import Record

log = logging.getLogger(__name__)

SETTINGS = OpenAISettings
# What is asked of this backend.
OpenAIRequest = Request[OpenAISettings]

# Prompts that a job asks before it lets others ask the server. It must not depend on the number of
# requests at a time: a job that was killed may go on with another.
BATCH = 100


def libraries(_settings: OpenAISettings, tuned: bool) -> tuple[str, ...]:  # noqa: ARG001
    """Libraries whose versions can change a prediction: that of prompts alone."""
    return ("Jinja2",)


def identity(request: OpenAIRequest) -> dict[str, str]:
    """The model by its name, and the server by its URL and API.

    Raises:
        InputError: the template is missing, or there are options that a server does not need.
    """
    request.refuse("base", "adapter", "answers", "train", "val")
    request.prompt_template()
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
    kept = AnswerCache(SERVER_ANSWERS, settings.server).answers()
    if records is None:
        return not kept
    asked = filter(settings.asks, records)
    prompt = PromptTemplate(template)
    return any(_request(one, prompt, settings, seed).key not in kept for one in asked)


class _Kept(KeptLine):
    """The answer to a request."""

    request: str
    answer: Answer


class AnswerCache:
    """The answers of one model of one server, by the digest of their request: lines of a file."""

    def __init__(self, root: Path, server: ServerSettings) -> None:
        """
        Args:
            root: directory of the answers of all servers.
        """
        self.folder = root / sha256_of_text(canonical_json([server.url, server.model]))[:16]
        self._path, self._read = self.folder / "answers.jsonl", 0
        self._answers: dict[str, Answer] = {}
        # Version 1.0 had a file for each.
        for path in self.folder.glob("??/*.json"):
            self._add(_Kept.sound(path.read_bytes()))

    def answers(self) -> Mapping[str, Answer]:
        """All answers, also those that other processes have added since the last call."""
        for line, end in sound_lines(self._path, _Kept, self._read):
            self._add(line)
            self._read = end
        return self._answers

    def _add(self, line: _Kept | None) -> None:
        if line is not None:
            self._answers[line.request] = line.answer

    def add(self, request: str, answer: Answer) -> None:
        """Keep an answer."""
        add_line(self._path, _Kept(request=request, answer=answer))


class ServerBackend:
    """Asks for all prompts in their order; it is its own loaded model."""

    def __init__(self, request: OpenAIRequest, access: AccessSettings, root: Path) -> None:
        """
        Args:
            root: directory of the answers of all servers.
        """
        self._settings, self._seed = request.settings, request.seed
        self._template = request.prompt_template()
        self._access, self._cache = access, AnswerCache(root, request.settings.server)
        self._prompts: list[ServerRequest] = []
        self._new: list[Answer] = []

    def prompts(self, records: Sequence[Record]) -> list[ServerRequest]:
        """The prompt of each record, whole; logs the most that the answers can cost.

        Raises:
            InputError: the template does not fit a record.
        """
        template, settings = self._template, self._settings
        self._prompts = [_request(one, template, settings, self._seed) for one in records]
        if settings.server.api == "chat" and template.markers:
            log.warning(
                "%s: the template has markers of turns, and a chat server adds its own: choose one "
                "without, or `api: completions`",
                template.path,
            )
        if (prices := self._access.prices) is not None:
            missing = self._missing(self._prompts)
            most = prices.of_all(one.most_tokens for one in missing)
            log.info(
                "%d of %d prompts to ask, for at most %.2f %s",
                *(len(missing), len(records), most, prices.currency),
            )
        return self._prompts

    def batches(self, prompts: Sequence[ServerRequest]) -> list[list[int]]:
        """Batches of prompts, in order."""
        indices = list(range(len(prompts)))
        return [indices[start : start + BATCH] for start in range(0, len(indices), BATCH)]

    def load(self) -> None:
        """Nothing: the model is at the server."""

    def generate(self, prompts: Sequence[ServerRequest], _batch: int) -> list[Generated]:
        """Answer prompts, in order; the server is asked for what it was never asked before.

        Meanwhile other jobs that ask it for the same model wait: together they send no more
        requests at a time than are allowed, and pay for none twice.

        Raises:
            InputError: there is no key, the server cannot be reached, it refuses the key or a
                request, no answer can be used, or the budget does not suffice.
        """
        with held(self._cache.folder / "lock", self._settings.server.url, wait=True):
            if missing := self._missing(prompts):
                self._client.ask(missing, self._keep, self._cache.answers().values())
        found = self._cache.answers()
        return [_generated(found.get(one.key)) for one in prompts]

    def cost(self) -> dict[str, float | str | None]:
        """What the answers to all prompts of the job have cost, and what of it was paid now."""
        kept = self._cache.answers()
        keys = {one.key for one in self._prompts}
        answers = [kept[key] for key in sorted(keys) if key in kept]
        names = sorted({answer.model for answer in answers if answer.model})
        if len(names) > 1:
            log.warning(
                "%s: the server names several models: %s", self._cache.folder, ", ".join(names)
            )
        cost: dict[str, float | str | None] = {
            "device": f"{self._settings.server.model} at {self._settings.server.url}",
            "answered_by": ", ".join(names) or None,
            "requests": len(self._new),
            "answers_from_cache": len(answers) - len(self._new),
            "unusable_answers": len(keys) - len(answers),
            "withheld_by_content_filter": sum(
                answer.finish_reason == "content_filter" for answer in answers
            ),
        }
        if (prices := self._access.prices) is not None:
            cost |= {
                "price": prices.of_all(one.counts for one in answers),
                "paid": prices.of_all(one.counts for one in self._new),
                "currency": prices.currency,
                "prices_as_of": prices.as_of.isoformat(),
            }
        return cost

    @cached_property
    def _client(self) -> ServerClient:
        require_locked(("openai",))
        return ServerClient(self._settings.server, self._access)

    def _missing(self, prompts: Sequence[ServerRequest]) -> list[ServerRequest]:
        """The requests without an answer, each once."""
        kept = self._cache.answers()
        return [*{one.key: one for one in prompts if one.key not in kept}.values()]

    def _keep(self, request: str, answer: Answer) -> None:
        self._cache.add(request, answer)
        self._new.append(answer)


def _request(
    record: Record, template: PromptTemplate, settings: OpenAISettings, seed: int
) -> ServerRequest:
    prompt = template.render(record, settings.shots)
    return request_for(prompt, record.id, settings.server, settings.decoding, seed)


def _generated(answer: Answer | None) -> Generated:
    if answer is None:
        # The reply could not be used: an answer that is counted as invalid.
        return Generated("", None, None, None)
    return Generated(answer.text, *answer.counts, answer.finish_reason)
