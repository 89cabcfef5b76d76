"""Constrained answers: only tokens with which a valid answer can begin or continue."""

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from ecslm.common.errors import InputError
from ecslm.prediction.answers.forms import Form, form_of
from ecslm.prediction.transformers_settings import TransformersSettings
from ecslm.schemas.record import Record

if TYPE_CHECKING:
    from ecslm.prediction.answers.masking import ConstrainedAnswers
    from ecslm.prediction.network import Network

LIBRARIES = ("llguidance",)

# What completes a character of several bytes: after some first bytes the second must be a low one,
# after others a high one.
COMPLETIONS = (b"", *(one + b"\x80" * more for more in range(3) for one in (b"\x80", b"\xbf")))
LONGEST_COMPLETION = max(map(len, COMPLETIONS))


def open_mode(settings: TransformersSettings, tokenizer: Any) -> "Constrained":
    """The mode, for settings that name it."""
    return Constrained(settings, tokenizer)


@dataclass(frozen=True)
class Grammar:
    """The form of an answer, with its endings as tokens."""

    text: str
    endings: tuple[tuple[int, ...], ...]
    """Endings as tokens, the shortest first; empty if every answer ends in time by itself."""
    needed: int
    """Tokens that suffice to end an answer that has begun, whatever it begins with."""


class Constrained:
    """Answers of a valid form."""

    def __init__(self, settings: TransformersSettings, tokenizer: Any) -> None:
        from llguidance.hf import from_tokenizer

        assert settings.answers is not None, "the settings name this mode"
        self._type, self._decoding = settings.answers.type, settings.decoding
        self._tokenizer, self._tokens = tokenizer, from_tokenizer(tokenizer)
        self._grammar = lru_cache(maxsize=256)(self._in_tokens)

    def form(self, record: Record) -> Grammar:
        """The valid answers to a record.

        Raises:
            InputError: as `form_of`, or `max_new_tokens` may cut the shortest answer.
        """
        grammar, limit = self._grammar(form_of(self._type, record)), self._decoding.max_new_tokens
        if grammar.needed > limit:
            raise InputError(
                f"record {record.id}: a valid answer takes up to {grammar.needed} tokens, but "
                f"`max_new_tokens` is {limit}: raise it"
            )
        return grammar

    def room(self, _form: Grammar) -> int:
        """The most tokens that an answer takes."""
        return self._decoding.max_new_tokens

    def answering(self, network: "Network") -> "ConstrainedAnswers":
        """The model that answers."""
        from ecslm.prediction.answers.masking import ConstrainedAnswers

        return ConstrainedAnswers(network, self._tokenizer, self._tokens, self._decoding)

    def _in_tokens(self, form: Form) -> Grammar:
        if form.longest is not None:
            # No token is shorter than a byte. One more ends the answer.
            return Grammar(form.grammar, (), form.longest + 1)
        endings = sorted(map(self._few_tokens, form.endings), key=len)
        needed = LONGEST_COMPLETION + len(endings[-1]) + 1
        return Grammar(form.grammar, tuple(map(tuple, endings)), needed)

    def _few_tokens(self, ending: bytes) -> list[int]:
        text = ending.decode(errors="ignore")
        # It may begin within a character.
        first = ending.removesuffix(text.encode())
        return [*self._tokens.tokenize_bytes(first), *self._tokens.greedy_tokenize(text)]
