"""Asking several servers at once, for no longer than a while."""

import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

# Of one request, and of all, which are made at once.
SECONDS, MOST_SECONDS = 4.0, 6.0

State = Literal["ok", "gated", "unknown", "no revision", "bad token", "unreachable"]


@dataclass(frozen=True)
class Reply:
    """Whether something can be fetched, and what is known of it."""

    state: State
    reason: str = ""
    """Why it cannot be reached."""
    commit: str | None = None
    license: str | None = None


LATE = Reply("unreachable", f"no answer within {MOST_SECONDS:g} seconds")


class Question(Protocol):
    """Something that a run is going to fetch."""

    def ask(self) -> Reply:
        """Ask the server that has it whether it can be fetched."""


def ask_all(questions: Iterable[Question]) -> Mapping[Question, Reply]:
    """The replies to all questions, those included that do not come in time.

    Late threads are abandoned: the process can end whatever they wait for. For example, the timeout
    of a connection does not apply to a silent name server.
    """
    found: dict[Question, Reply] = {}
    failed: list[Exception] = []

    def note(question: Question) -> None:
        try:
            found[question] = question.ask()
        except Exception as error:
            failed.append(error)

    threads = {
        question: threading.Thread(target=note, args=(question,), daemon=True)
        for question in questions
    }
    for thread in threads.values():
        thread.start()
    end = time.monotonic() + MOST_SECONDS
    for thread in threads.values():
        thread.join(max(end - time.monotonic(), 0))
    if failed:
        # Our own error, which in a thread would look like a server that does not answer.
        raise failed[0]
    return {question: found.get(question, LATE) for question in threads}
