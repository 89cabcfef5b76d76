"""Reading replies of an OpenAI-compatible server, and the cache of its answers.

An answer may have been paid for, so each is written as soon as it arrives.
"""

import logging
import os
from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ecslm.common.files import json_line
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


class UnusableReplyError(Exception):
    """A reply without an answer that can be used; the text says why."""


class FailureReplyError(Exception):
    """A reply that reports a failure as if it were an answer, or is a web page; the text says
    which."""


def answer_of(reply: str, api: Api) -> Answer:
    """The answer in the body of a reply.

    Raises:
        FailureReplyError: another request would fail too.
        UnusableReplyError: the reply is not of the API's form, or it has no text.
    """
    if reply.lstrip().startswith("<"):
        raise FailureReplyError("answers with a web page: change `url` in `server`")
    try:
        form = (_ChatReply if api == "chat" else _TextReply).model_validate_json(reply)
    except ValidationError as error:
        if (said := _failure(reply)) is not None:
            raise FailureReplyError(f"failed: {said}") from None
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        what = f"{where}: {first['msg']}" if where else first["msg"]
        raise UnusableReplyError(f"not a reply of the {api} API ({what})") from None
    choice = form.choices[0]
    reason = REASONS.get(choice.finish_reason or "")
    if reason is None:
        raise UnusableReplyError(f"ended with the unknown finish_reason {choice.finish_reason!r}")
    if choice.written is None and reason == "stop":
        raise UnusableReplyError("no text, though the model has stopped")
    return Answer(
        # None: the limit was reached, as by thoughts that are not shown, or the text was withheld.
        text=choice.written or "",
        finish_reason=reason,
        prompt_tokens=form.usage.prompt_tokens,
        tokens=form.usage.completion_tokens,
        model=form.model,
    )


def _failure(reply: str) -> str | None:
    try:
        return _Failure.model_validate_json(reply).error.message
    except ValidationError:
        return None


def server_folder(root: Path, server: ServerSettings) -> Path:
    """The directory of what a model of a server has answered."""
    return root / sha256_of_text(canonical_json([server.url, server.model]))[:16]


class AnswerCache:
    """The answers of one model of one server, by the digest of their request: lines of a file.

    Lines are only added, by one process at a time. A damaged one, such as the last one after a
    power failure, stays, since a person may fix it; its request is asked again.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / "answers.jsonl"
        self._bytes = self._lines = 0
        # Version 1.0 had a file for each.
        each = (_sound(path.read_bytes()) for path in folder.glob("??/*.json"))
        self._answers = {kept.request: kept.answer for kept in each if kept is not None}

    def answers(self) -> Mapping[str, Answer]:
        """All answers, also those that other processes have added since the last call."""
        if self._path.exists():
            with self._path.open("rb") as stream:
                stream.seek(self._bytes)
                for line in stream:
                    if not line.endswith(b"\n"):
                        # Another process may be writing it.
                        break
                    self._bytes += len(line)
                    self._lines += 1
                    kept = _sound(line)
                    if kept is not None:
                        self._answers[kept.request] = kept.answer
                    elif line.strip():
                        log.warning(
                            "%s: line %d: damaged: its request is asked again",
                            self._path,
                            self._lines,
                        )
        return self._answers

    def add(self, request: str, answer: Answer) -> None:
        """Keep an answer, in a way that survives a power failure."""
        kept = _Kept(request=request, answer=answer, sha256=_digest(request, answer))
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("ab+") as stream:
            end = stream.seek(0, os.SEEK_END)
            stream.seek(max(0, end - 1))
            # A process may have been killed in the middle of a line.
            begin = b"" if stream.read() in (b"", b"\n") else b"\n"
            stream.write(begin + json_line(kept).encode())
            stream.flush()
            os.fsync(stream.fileno())


class _Kept(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    request: str
    answer: Answer
    sha256: str


def _sound(line: bytes) -> _Kept | None:
    """What is kept in a line; None if it is not as it was written."""
    try:
        kept = _Kept.model_validate_json(line)
    except ValidationError:
        return None
    return kept if kept.sha256 == _digest(kept.request, kept.answer) else None


def _digest(request: str, answer: Answer) -> str:
    return sha256_of_text(canonical_json([request, answer.model_dump(mode="json")]))


class _Usage(BaseModel):
    prompt_tokens: int = Field(ge=0)
    completion_tokens: int = Field(ge=0)


class _Error(BaseModel):
    message: str


class _Failure(BaseModel):
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
