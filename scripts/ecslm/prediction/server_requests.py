"""Requests to an OpenAI-compatible server."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ecslm.common.hashing import canonical_json, sha256_of_text
from ecslm.prediction.openai_settings import ServerDecoding, ServerSettings

# More tokens than a server adds to a message, as markers of turns and the like.
TOKENS_OF_MARKERS = 100


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
