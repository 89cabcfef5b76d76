"""Constrained answers: only tokens with which a valid answer can begin or continue."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from typing import Any

import numpy as np
import torch
from llguidance import LLMatcher, LLTokenizer
from llguidance.hf import from_tokenizer

from ecslm.families.backend import Generated
from ecslm.families.settings import TransformersSettings
from ecslm.families.transformers.answers.forms import COMPLETIONS, Form, form_of
from ecslm.families.transformers.generation import FreeAnswers, Limits
from ecslm.families.transformers.network import Network
from ecslm.schemas.record import Record

# Of a few answer types grammars are the same for many records.
KEPT = 64


@dataclass(frozen=True)
class Grammar:
    """The form of an answer, with its endings as tokens."""

    text: str
    endings: list[list[int]]
    """Endings as tokens, the shortest first; empty if every answer is short by itself."""
    needed: int
    """Tokens that suffice to end an answer that has begun, whatever it begins with."""


class Constrained(FreeAnswers):
    """Answers with the likeliest, or sampled, of the tokens that a valid form allows."""

    def __init__(self, settings: TransformersSettings, tokenizer: Any) -> None:
        super().__init__(settings, tokenizer)
        assert settings.answers is not None, "the settings name this mode"
        self._type, self._tokens = settings.answers.type, from_tokenizer(tokenizer)
        self._grammar = lru_cache(maxsize=256)(self._in_tokens)
        self._matcher = lru_cache(maxsize=KEPT)(partial(LLMatcher, self._tokens))

    def form(self, record: Record) -> Grammar:
        """The valid answers to a record.

        Raises:
            InputError: as `form_of`.
        """
        return self._grammar(form_of(self._type, record))

    def row(self, grammar: Grammar) -> "Row":
        """An answer that has not begun."""
        matcher = self._matcher(grammar.text)
        assert not matcher.is_error(), matcher.get_error()
        return Row(matcher.deep_copy(), grammar, self._tokens, self.room(None))

    def limits(self, forms: "Sequence[Row]") -> Limits:
        """The tokens that the answers, which have not begun, may have."""
        return partial(allowed, forms)

    def answers(
        self,
        network: Network,
        prompts: Sequence[Sequence[int]],
        forms: Sequence[Grammar],
        numbers: torch.Tensor,
    ) -> list[Generated]:
        """Answer the prompts of a batch, in order.

        An answer that had to be ended before the limit counts as cut off there.
        """
        rows = list(map(self.row, forms))
        found = super().answers(network, prompts, rows, numbers)
        return [
            replace(answer, finish_reason="length") if row.was_ended else answer
            for row, answer in zip(rows, found, strict=True)
        ]

    def _in_tokens(self, form: Form) -> Grammar:
        endings = sorted(map(self._few_tokens, form.endings), key=len)
        needed = max(map(len, COMPLETIONS)) + max(map(len, endings), default=0) + 1
        return Grammar(form.grammar, endings, needed)

    def _few_tokens(self, ending: bytes) -> list[int]:
        text = ending.decode(errors="ignore")
        # It may begin within a character.
        first = ending.removesuffix(text.encode())
        return [*self._tokens.tokenize_bytes(first), *self._tokens.greedy_tokenize(text)]


MODE = Constrained


def allowed(
    rows: "Sequence[Row]",
    logits: torch.Tensor,
    prompts: Sequence[int],
    answers: Sequence[Sequence[int]],
) -> torch.Tensor:
    """The tokens that are allowed in some rows, as `Limits`."""
    bits = [rows[prompt].allowed(answers[prompt]) for prompt in prompts]
    # The matcher's end with a spare word where the tokens fill the last one.
    size, width = max(map(len, bits)), logits.shape[1]
    joined = b"".join(one.ljust(size, b"\0") for one in bits)
    packed = torch.from_numpy(np.frombuffer(joined, np.uint8).reshape(len(bits), size).copy())
    places = torch.arange(8, dtype=torch.uint8, device=logits.device)
    whole = (packed.to(logits.device)[..., None] >> places & 1).bool().flatten(1)[:, :width]
    # A model may have more tokens than its tokenizer.
    whole = torch.nn.functional.pad(whole, (0, width - whole.shape[1]))
    return logits.masked_fill(~whole, -torch.inf)


@dataclass
class Row:
    """The answer to one prompt, as it grows."""

    matcher: LLMatcher
    grammar: Grammar
    tokens: LLTokenizer
    limit: int
    ending: list[int] = field(default_factory=list)
    was_ended: bool = False

    def allowed(self, answer: Sequence[int]) -> bytes:
        """A bit for each token that may follow; this is called after each token of an answer."""
        if answer:
            taken = self.matcher.consume_token(answer[-1])
            assert taken, self.matcher.get_error()
        if self.grammar.endings and self.limit - len(answer) == self.grammar.needed:
            self.ending = self._shortest_ending()
            self.was_ended = len(self.ending) > 1
        if self.ending:
            bits = bytearray((self.tokens.vocab_size + 31) // 32 * 4)
            token = self.ending.pop(0)
            bits[token // 8] = 1 << token % 8
            return bytes(bits)
        return self.matcher.compute_bitmask()

    def _shortest_ending(self) -> list[int]:
        """Tokens that complete the answer, and the one that ends it."""
        for completion in COMPLETIONS:
            first = self.tokens.tokenize_bytes(completion)
            for ending in self.grammar.endings:
                tokens = [*first, *ending]
                matcher = self.matcher.deep_copy()
                if matcher.consume_tokens(tokens) and matcher.is_accepting():
                    return [*tokens, self.tokens.eos_token]
        raise AssertionError("every answer that is allowed can be completed")
