"""Constrained answers: only tokens with which a valid answer can begin or continue."""

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from ecslm.common.errors import InputError
from ecslm.prediction.answers.forms import COMPLETIONS, Asked, Form, Grammar, form_of
from ecslm.prediction.transformers_settings import TransformersSettings

if TYPE_CHECKING:
    from ecslm.prediction.answers.masking import ConstrainedAnswers
    from ecslm.prediction.network import Network

LIBRARIES = ("llguidance",)


def open_mode(settings: TransformersSettings, tokenizer: Any) -> "Constrained":
    """The mode, for settings that name it."""
    return Constrained(settings, tokenizer)


class Constrained:
    """Answers of a valid form."""

    def __init__(self, settings: TransformersSettings, tokenizer: Any) -> None:
        from llguidance.hf import from_tokenizer

        assert settings.answers is not None, "the settings name this mode"
        self._type, self._decoding = settings.answers.type, settings.decoding
        self._tokenizer, self._tokens = tokenizer, from_tokenizer(tokenizer)
        self._grammar = lru_cache(maxsize=256)(self._in_tokens)

    def form(self, record: Asked) -> Grammar:
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
        needed = max(map(len, COMPLETIONS)) + len(endings[-1]) + 1
        return Grammar(form.grammar, tuple(map(tuple, endings)), needed)

    def _few_tokens(self, ending: bytes) -> list[int]:
        text = ending.decode(errors="ignore")
        # It may begin within a character.
        first = ending.removesuffix(text.encode())
        return [*self._tokens.tokenize_bytes(first), *self._tokens.greedy_tokenize(text)]
