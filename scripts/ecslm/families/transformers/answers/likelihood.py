"""Answers by likelihood: of a closed set of answers, the one that the model finds likeliest.

The set has what right answers are, as `doc_to_choice` of lm-evaluation-harness. Each is scored as a
whole, without the end token, by the sum of the log-probabilities of its tokens, as `acc` there, or
by that sum divided by its length, by bytes as `acc_norm` (which counts characters, the same for
texts in ASCII).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any

import torch
from torch.nn.functional import pad
from transformers.cache_utils import Cache

from ecslm.families.backend import Generated
from ecslm.families.settings import TransformersSettings
from ecslm.families.transformers.answers.forms import option_letters
from ecslm.families.transformers.generation import FreeAnswers
from ecslm.families.transformers.network import Network
from ecslm.families.transformers.prefill import PreallocatedLayer, Reading, read
from ecslm.models.prompts import batches_by_length
from ecslm.schemas.record import Record

# Tokens that are read at once, since all their logits are computed: the vocabulary is large.
LOGITS = 1024


@dataclass(frozen=True)
class Candidate:
    """An answer of a closed set."""

    text: str
    """The prediction that is written for this candidate."""
    tokens: tuple[int, ...]
    """The tokens whose likelihood is computed."""
    length: int
    """The length by which the log-likelihood is divided."""


class Likelihood(FreeAnswers):
    """Answers with the likeliest of the answers that there are."""

    def __init__(self, settings: TransformersSettings, tokenizer: Any) -> None:
        super().__init__(settings, tokenizer)
        assert settings.answers is not None, "the settings name this mode"
        self._answers = settings.answers

    def form(self, record: Record) -> tuple[Candidate, ...]:
        """The answers to a record: yes and no, or the options, by their letters or their texts.

        For an option its letter is written, which means no other whatever their texts are.

        Raises:
            InputError: there are no options, or one has no letter.
        """
        if self._answers.type == "yes_no":
            return tuple(self._candidate(text, text) for text in ("yes", "no"))
        letters = option_letters(record)
        scored = letters if self._answers.option == "letter" else record.options or ()
        return tuple(map(self._candidate, letters, scored))

    def room(self, form: tuple[Candidate, ...]) -> int:
        """The most tokens that an answer takes; not fewer than in free generation, so that the
        prompts are the same."""
        longest = max(len(candidate.tokens) for candidate in form)
        return max(longest, super().room(form))

    def answers(
        self,
        network: Network,
        prompts: Sequence[Sequence[int]],
        forms: Sequence[tuple[Candidate, ...]],
        numbers: torch.Tensor,  # noqa: ARG002
    ) -> list[Generated]:
        """Answer the prompts of a batch, in order. No token is generated."""
        candidates = [[one.tokens for one in form] for form in forms]
        scores = log_likelihoods(network, prompts, candidates)
        return [
            Generated(_best(form, own).text, len(prompt), 0, "stop")
            for prompt, form, own in zip(prompts, forms, scores, strict=True)
        ]

    def _candidate(self, text: str, scored: str) -> Candidate:
        # As in training.
        tokens = self._tokenizer(scored, add_special_tokens=False)["input_ids"]
        lengths = {"none": 1, "tokens": len(tokens), "bytes": len(scored.encode())}
        return Candidate(text, tuple(tokens), lengths[self._answers.normalization])


MODE = Likelihood


@torch.inference_mode()
def log_likelihoods(
    network: Network,
    prompts: Sequence[Sequence[int]],
    candidates: Sequence[Sequence[Sequence[int]]],
) -> list[list[float]]:
    """The log-likelihood of each prompt's candidates, all given as tokens.

    A prompt is read once. Its candidates go on from its keys and values.
    """
    batch = read(network, prompts, 0)
    # With the place of their prompt in the batch.
    rows = [(place, one) for place, prompt in enumerate(batch.order) for one in candidates[prompt]]
    places, first = [place for place, _ in rows], [tokens[0] for _, tokens in rows]
    scores = network.log_probabilities(batch.hidden, places, first)
    lengths = [len(tokens) for _, tokens in rows]
    longer = [row for row, length in enumerate(lengths) if length > 1]
    # No more rows than the batch has, since each has a copy of its prompt's keys and values.
    for some in batches_by_length(longer, lengths, LOGITS):
        for start in range(0, len(some), len(prompts)):
            chunk = some[start : start + len(prompts)]
            sums = _rest(network, batch, prompts, [rows[row] for row in chunk])
            for row, value in zip(chunk, sums, strict=True):
                scores[row] += value
    values = iter(scores)
    found = {prompt: list(islice(values, len(candidates[prompt]))) for prompt in batch.order}
    return [found[prompt] for prompt in range(len(prompts))]


def _rest(
    network: Network,
    batch: Reading,
    prompts: Sequence[Sequence[int]],
    rows: Sequence[tuple[int, Sequence[int]]],
) -> list[float]:
    """The log-probabilities of the tokens but the first, added up, of candidates with the places of
    their prompts in the batch."""
    places, longest = [place for place, _ in rows], max(len(tokens) for _, tokens in rows) - 1
    tokens, known, positions = [], [], []
    for place, row in rows:
        padding, start = [0] * (longest + 1 - len(row)), len(prompts[batch.order[place]])
        tokens.append([*row[:-1], *padding])
        known.append([1] * (len(row) - 1) + padding)
        positions.append(list(range(start, start + longest)))
    layers = []
    for layer in batch.cache.layers:
        room = (0, 0, 0, longest)
        keys, values = (pad(one[places], room) for one in (layer.keys, layer.values))
        layers.append(PreallocatedLayer(keys, values, layer.get_seq_length()))
    mask = network.tensor(known)
    states = network.states(
        network.tensor(tokens),
        torch.cat([batch.mask[places], mask], dim=1),
        network.tensor(positions),
        Cache(layers=layers),
    )[mask.bool()]
    targets = list(chain.from_iterable(row[1:] for _, row in rows))
    each = iter(network.log_probabilities(states, range(len(targets)), targets))
    return [sum(islice(each, len(row) - 1)) for _, row in rows]


def _best(form: Sequence[Candidate], scores: Sequence[float]) -> Candidate:
    """The candidate with the highest score; of equal ones the first."""
    return max(zip(form, scores, strict=True), key=lambda pair: pair[1] / pair[0].length)[0]
