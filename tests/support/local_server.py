"""A server in this process that speaks OpenAI's API over HTTP, and fails as a test tells it."""

import json
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Body = Mapping[str, Any]

# A key that a search finds wherever it was left, and the variable that has it.
KEY, VARIABLE = "sk-Marked-0123456789", "SHOP_KEY"
# Money for a million tokens.
PRICES = {"input": 1.0, "output": 2.0, "currency": "USD", "as_of": "2024-04-09"}


@dataclass(frozen=True)
class Reply:
    """What the server sends, after a while."""

    content: object = ""
    """Bytes or text, or a value that is sent as JSON."""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    cut: bool = False
    """Whether the connection ends in the middle of the content."""


@dataclass(frozen=True)
class Received:
    """A request as it came in."""

    path: str
    headers: Mapping[str, str]
    body: Body


@dataclass
class LocalServer:
    """What the server has received; `answer` may be replaced at any time."""

    answer: Callable[[Body], Reply]
    received: list[Received] = field(default_factory=list)
    most_at_once: int = 0
    port: int = 0
    now: int = 0

    @property
    def url(self) -> str:
        """The base URL."""
        return f"http://127.0.0.1:{self.port}/v1"

    def prompts(self) -> list[str]:
        """The prompts that came in, in order."""
        return [prompt_of(one.body) for one in self.received]


def prompt_of(body: Body) -> str:
    """The prompt in a request's body."""
    return str(body["messages"][0]["content"] if "messages" in body else body["prompt"])


def completion(body: Body, text: str | None = "yes", reason: str = "stop", **fields: Any) -> Reply:
    """An answer in the form of the API that was asked; a prompt has a token for each four letters,
    an answer one for each word."""
    said = {"message": {"content": text}} if "messages" in body else {"text": text}
    usage = {
        "prompt_tokens": len(prompt_of(body)) // 4,
        "completion_tokens": len((text or "").split()),
    }
    value = {"choices": [{**said, "finish_reason": reason}], "usage": usage, "model": "m-1"}
    return Reply(value | fields)


def failure(status: int, message: str, headers: Mapping[str, str] | None = None) -> Reply:
    """A refusal in the form of the API; without `headers` it is tried again at once."""
    content = {"error": {"message": message, "type": "some", "code": None}}
    return Reply(content, status, {"retry-after-ms": "1"} if headers is None else headers)


def in_turn(*replies: Callable[[Body], Reply] | Reply) -> Callable[[Body], Reply]:
    """Each reply to one request, the last to all that follow."""
    left = list(replies)
    lock = threading.Lock()

    def answer(body: Body) -> Reply:
        with lock:
            reply = left.pop(0) if len(left) > 1 else left[0]
        return reply if isinstance(reply, Reply) else reply(body)

    return answer


class Handler(BaseHTTPRequestHandler):
    """Sends whole answers, and prints nothing."""

    protocol_version = "HTTP/1.1"

    def send(self, status: int, headers: Mapping[str, str], content: bytes) -> None:
        """Send an answer."""
        self.send_response(status)
        for name, value in {"Content-Length": str(len(content)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Print nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *about: Any) -> None:
        """Print nothing of a client that no longer waits: it may be long after its test."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(*about)


@contextmanager
def serving(handler: type[BaseHTTPRequestHandler]) -> Iterator[int]:
    """Serve as the handler says while the block runs; the value is the port."""
    server = _Server(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def local_server(answer: Callable[[Body], Reply] = completion) -> Iterator[LocalServer]:
    """A server that runs while the block does."""
    state = LocalServer(answer)
    with serving(_handler(state)) as state.port:
        yield state


def _content(reply: Reply) -> bytes:
    if isinstance(reply.content, bytes):
        return reply.content
    text = reply.content if isinstance(reply.content, str) else json.dumps(reply.content)
    return text.encode()


def _handler(state: LocalServer) -> type[BaseHTTPRequestHandler]:
    lock = threading.Lock()

    class Speaking(Handler):
        def do_POST(self) -> None:
            text = self.rfile.read(int(self.headers["Content-Length"]))
            body = json.loads(text)
            with lock:
                headers = {name.lower(): value for name, value in self.headers.items()}
                state.received.append(Received(self.path, headers, body))
                state.now += 1
                state.most_at_once = max(state.most_at_once, state.now)
            try:
                reply = state.answer(body)
                time.sleep(reply.seconds)
            finally:
                with lock:
                    state.now -= 1
            content = _content(reply)
            about = {"Content-Type": "application/json", "Content-Length": str(len(content))}
            sent = content[: len(content) // 2] if reply.cut else content
            self.send(reply.status, about | dict(reply.headers), sent)
            self.close_connection |= reply.cut

    return Speaking
