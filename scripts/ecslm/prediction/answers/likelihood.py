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
from transformers.cache_utils import Cache

from ecslm.models.prompts import batches_by_length
from ecslm.prediction.answers.forms import option_letters
from ecslm.prediction.backend import Generated
from ecslm.prediction.generation import FreeAnswers
from ecslm.prediction.network import Network
from ecslm.prediction.prefill import CHUNK, Reading, RoomyLayer, read
from ecslm.prediction.transformers_settings import TransformersSettings
from ecslm.schemas.record import Record

# Positions whose logits are computed at once: the vocabulary is large.
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
        super().__init__(settings.decoding, tokenizer)
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
        return max(longest, self._decoding.max_new_tokens)

    def answers(
        self,
        network: Network,
        prompts: Sequence[Sequence[int]],
        forms: Sequence[tuple[Candidate, ...]],
        numbers: torch.Tensor,  # noqa: ARG002
    ) -> list[Generated]:
        """Answer the prompts of a batch, in order. No token is generated."""
        candidates = [[one.tokens for one in form] for form in forms]
        return [
            Generated(_best(form, values).text, len(prompt), 0, "stop")
            for prompt, form, values in zip(
                prompts, forms, log_likelihoods(network, prompts, candidates), strict=True
            )
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
    each = [[tokens[0] for tokens in candidates[prompt]] for prompt in batch.order]
    rows = [place for place, tokens in enumerate(each) for _ in tokens]
    first = chain.from_iterable(each)
    values = iter(network.log_probabilities(batch.hidden, rows, list(first)))
    scores: list[list[float]] = [list(islice(values, len(tokens))) for tokens in each]
    longer = [
        (place, number, list(tokens))
        for place, prompt in enumerate(batch.order)
        for number, tokens in enumerate(candidates[prompt])
        if len(tokens) > 1
    ]
    # No more at once than in reading prompts, and no more rows than the batch has, since each has a
    # copy of its prompt's keys and values.
    lengths, most = [len(tokens) for *_, tokens in longer], len(prompts)
    for some in batches_by_length(range(len(longer)), lengths, CHUNK[network.device.type]):
        for chunk in (some[start : start + most] for start in range(0, len(some), most)):
            places = [longer[index][0] for index in chunk]
            starts = [len(prompts[batch.order[place]]) for place in places]
            sums = _rest(network, batch, places, starts, [longer[index][2] for index in chunk])
            for index, value in zip(chunk, sums, strict=True):
                place, number, _ = longer[index]
                scores[place][number] += value
    return [values for _, values in sorted(zip(batch.order, scores, strict=True))]


def _rest(
    network: Network,
    batch: Reading,
    places: Sequence[int],
    starts: Sequence[int],
    rows: Sequence[Sequence[int]],
) -> list[float]:
    """The log-probabilities of the tokens of each row but the first, added up.

    Args:
        places: of the rows' prompts in the batch.
        starts: lengths of the prompts.
    """
    longest = max(map(len, rows)) - 1
    given = [list(row[:-1]) + [0] * (longest + 1 - len(row)) for row in rows]
    known = [[1] * (len(row) - 1) + [0] * (longest + 1 - len(row)) for row in rows]
    mask = network.tensor(known)
    states = network.states(
        network.tensor(given),
        torch.cat([batch.mask[list(places)], mask], dim=1),
        network.tensor([list(range(start, start + longest)) for start in starts]),
        _copies(batch.cache, places, longest),
    )[mask.bool()]
    targets = list(chain.from_iterable(row[1:] for row in rows))
    parts = (
        (states[start : start + LOGITS], targets[start : start + LOGITS])
        for start in range(0, len(targets), LOGITS)
    )
    values = chain.from_iterable(
        network.log_probabilities(some, range(len(some)), tokens) for some, tokens in parts
    )
    return [sum(islice(values, len(row) - 1)) for row in rows]


def _copies(cache: Cache, places: Sequence[int], room: int) -> Cache:
    """The keys and values of some rows, with room for more tokens."""
    layers = []
    for layer in cache.layers:
        filled = layer.get_seq_length()
        keys, values = (
            torch.nn.functional.pad(one[list(places)], (0, 0, 0, room))
            for one in (layer.keys, layer.values)
        )
        layers.append(RoomyLayer(keys, values, filled))
    return Cache(layers=layers)


def _best(form: Sequence[Candidate], scores: Sequence[float]) -> Candidate:
    """The candidate with the highest score; of equal ones the first."""
    return max(zip(form, scores, strict=True), key=lambda pair: pair[1] / pair[0].length)[0]
