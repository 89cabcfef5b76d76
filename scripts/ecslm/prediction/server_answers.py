"""Reading replies of an OpenAI-compatible server, and the cache of its answers.

An answer may have been paid for, so each is a file of its own, written as soon as it arrives.
"""

import logging
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from secrets import token_hex

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ecslm.common.files import write_json
from ecslm.common.hashing import canonical_json, sha256_of_text
from ecslm.prediction.openai_settings import Api, ServerSettings
from ecslm.schemas.prediction import FinishReason

log = logging.getLogger(__name__)

# Where a server names a reason as its own library does, and not as OpenAI.
REASONS: Mapping[str, FinishReason] = {
    "stop": "stop",
    "eos_token": "stop",
    "stop_sequence": "stop",
    "length": "length",
    "content_filter": "content_filter",
}


class UnusableAnswerError(Exception):
    """A reply without an answer; the text says why, and what may help."""


class Answer(BaseModel):
    """An answer as text, why it ended, and tokens as the server counts them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    text: str
    finish_reason: FinishReason
    prompt_tokens: int = Field(ge=0)
    tokens: int = Field(ge=0)
    model: str | None = Field(None, description="As the server names the model that answered.")

    @property
    def counts(self) -> tuple[int, int]:
        """Tokens of prompt and answer."""
        return self.prompt_tokens, self.tokens


WITHHELD = Answer(text="", finish_reason="content_filter", prompt_tokens=0, tokens=0)
"""The answer to a prompt that a content filter has refused."""


def answer_of(reply: str, api: Api) -> Answer:
    """The answer in the body of a reply.

    Raises:
        UnusableAnswerError: the body is not of the API's form, or it has no text.
    """
    try:
        form = (_ChatReply if api == "chat" else _TextReply).model_validate_json(reply)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        what = f"{where}: {first['msg']}" if where else first["msg"]
        said = f": {words}" if (words := _complaint(reply)) else ""
        raise UnusableAnswerError(f"not a reply of the {api} API ({what}){said}") from None
    choice = form.choices[0]
    reason = REASONS.get(choice.finish_reason or "")
    if reason is None:
        raise UnusableAnswerError(f"ended with the unknown finish_reason {choice.finish_reason!r}")
    if choice.written is None and reason == "stop":
        raise UnusableAnswerError("no text, though the model has stopped")
    return Answer(
        # None: the limit was reached, as by thoughts that are not shown, or the text was withheld.
        text=choice.written or "",
        finish_reason=reason,
        prompt_tokens=form.usage.prompt_tokens,
        tokens=form.usage.completion_tokens,
        model=form.model,
    )


def _complaint(reply: str) -> str | None:
    """What a server says that reports an error as if it were an answer."""
    try:
        return _Complaint.model_validate_json(reply).error.message
    except ValidationError:
        return None


def server_folder(root: Path, server: ServerSettings) -> Path:
    """The directory of what a model of a server has answered and has cost."""
    return root / sha256_of_text(canonical_json([server.url, server.model]))[:16]


class AnswerCache:
    """The answers of one model of one server, by the digest of their request.

    A damaged one is moved aside, so that a person can fix it, and its request is asked again.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get(self, key: str) -> Answer | None:
        """The answer to a request; None if there is none."""
        path = self._path(key)
        if not os.path.lexists(path):
            return None
        kept = _read(path)
        if kept is None or kept.request != key or kept.sha256 != _digest(key, kept.answer):
            # What stands there may have been paid for, so it replaces nothing and is never removed.
            aside = path.with_name(f"{path.name}.damaged-{token_hex(4)}")
            # Another process may have been faster.
            with suppress(FileNotFoundError):
                path.rename(aside)
                log.warning("%s: damaged: moved to %s, its request is asked again", path, aside)
            return None
        return kept.answer

    def is_empty(self) -> bool:
        """Whether there is no answer at all."""
        return not any(self._folder.glob("*/*.json"))

    def add(self, key: str, answer: Answer) -> None:
        """Keep an answer, in a way that survives a power failure."""
        kept = _Kept(request=key, answer=answer, sha256=_digest(key, answer))
        write_json(self._path(key), kept.model_dump(mode="json"))

    def _path(self, key: str) -> Path:
        return self._folder / key[:2] / f"{key}.json"


class _Kept(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    request: str
    answer: Answer
    sha256: str


def _read(path: Path) -> _Kept | None:
    """What is kept in a file; None if it is damaged, or no file: a pipe would be waited for."""
    try:
        return _Kept.model_validate_json(path.read_bytes()) if path.is_file() else None
    except ValidationError:
        return None


def _digest(key: str, answer: Answer) -> str:
    return sha256_of_text(canonical_json([key, answer.model_dump(mode="json")]))


class _Usage(BaseModel):
    prompt_tokens: int = Field(ge=0)
    completion_tokens: int = Field(ge=0)


class _Error(BaseModel):
    message: str


class _Complaint(BaseModel):
    error: _Error


class _Message(BaseModel):
    content: str | None = None
    refusal: str | None = Field(None, description="What the model says in place of an answer.")


class _ChatChoice(BaseModel):
    message: _Message
    finish_reason: str | None = None

    @property
    def written(self) -> str | None:
        said = self.message.content
        return self.message.refusal if said is None else said


class _TextChoice(BaseModel):
    text: str | None = None
    finish_reason: str | None = None

    @property
    def written(self) -> str | None:
        return self.text


class _ChatReply(BaseModel):
    choices: list[_ChatChoice] = Field(min_length=1)
    usage: _Usage
    model: str | None = None


class _TextReply(BaseModel):
    choices: list[_TextChoice] = Field(min_length=1)
    usage: _Usage
    model: str | None = None
