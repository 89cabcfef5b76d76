"""A Hugging Face hub in this process: it answers as the real one does, as far as it is asked."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlsplit

from support.local_server import Handler, serving

TOKEN = "hf_Marked0123456789"
# What the hub's library fetches for its statistics, and keeps.
STATISTICS = "/api/agent-harnesses"
COMMIT = "0123456789abcdef0123456789abcdef01234567"


@dataclass(frozen=True)
class FakeRepository:
    """A repository; of a gated one everybody may know what it is, and few may read its files."""

    gated: bool = False
    private: bool = False
    revisions: Mapping[str, str] = field(default_factory=lambda: {"main": COMMIT})


@dataclass
class FakeHub:
    """The hub's state, and the requests that came in; it may be changed at any time."""

    models: dict[str, FakeRepository] = field(default_factory=dict)
    datasets: dict[str, FakeRepository] = field(default_factory=dict)
    accepted: dict[str, set[str]] = field(default_factory=dict)
    """The tokens that the hub knows, with the gated repositories that each may read."""
    status: int | None = None
    """The status of all answers, if something is wrong with the hub."""
    content: bytes | None = None
    """What all answers are, if something else answers in place of the hub."""
    received: list[str] = field(default_factory=list)
    url: str = ""


@contextmanager
def fake_hub() -> Iterator[FakeHub]:
    """A hub that runs while the block does."""
    hub = FakeHub()
    with serving(_handler(hub)) as port:
        hub.url = f"http://127.0.0.1:{port}"
        yield hub


Answer = tuple[int, Mapping[str, str], Any]
NOT_FOUND: Answer = (401, {"X-Error-Code": "RepoNotFound"}, {"error": "Repository not found"})


def _answer(hub: FakeHub, path: str, authorization: str | None) -> Answer:
    if hub.status is not None or hub.content is not None:
        return hub.status or 200, {}, {"error": "something is wrong"}
    if path == STATISTICS:
        return 200, {}, {"harnesses": {}}
    token = None if authorization is None else authorization.removeprefix("Bearer ")
    if token is not None and token not in hub.accepted:
        message = "Invalid credentials in Authorization header"
        return 401, {"X-Error-Message": message}, {"error": message}
    _, _, kind, owner, name, what, *rest = f"{path}///".split("/")
    id_ = f"{owner}/{name}"
    repository = (hub.models if kind == "models" else hub.datasets).get(id_)
    may_read = id_ in hub.accepted.get(token or "", ())
    if repository is None or (repository.private and not may_read):
        return NOT_FOUND
    if what == "auth-check":
        if not repository.gated or may_read:
            return 200, {}, {}
        return 401 if token is None else 403, {"X-Error-Code": "GatedRepo"}, {"error": "gated"}
    commit = repository.revisions.get(unquote(rest[0]))
    if commit is None:
        return 404, {"X-Error-Code": "RevisionNotFound"}, {"error": "Invalid rev id"}
    gated = "manual" if repository.gated else False
    return 200, {}, {"id": id_, "sha": commit, "gated": gated, "private": False}


def _handler(hub: FakeHub) -> type[Handler]:
    class Hub(Handler):
        def do_GET(self) -> None:  # noqa: N802 - as the library names it
            path = urlsplit(self.path).path
            hub.received.append(path)
            status, headers, value = _answer(hub, path, self.headers.get("Authorization"))
            content = json.dumps(value).encode() if hub.content is None else hub.content
            self.send(status, headers, content)

    return Hub
