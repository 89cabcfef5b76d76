"""Answers by likelihood: of a closed set of answers, the one that the model finds likeliest.

The set has what right answers are, as `doc_to_choice` of lm-evaluation-harness. Each is scored as a
whole, without the end token, by the sum of the log-probabilities of its tokens, as `acc` there, or
by that sum divided by its length, by bytes as `acc_norm` (which counts characters, the same for
texts in ASCII).
"""

from typing import TYPE_CHECKING, Any

from ecslm.prediction.answers.forms import Asked, Candidate, option_letters
from ecslm.prediction.transformers_settings import TransformersSettings

if TYPE_CHECKING:
    from ecslm.prediction.answers.scoring import LikeliestAnswers
    from ecslm.prediction.network import Network

LIBRARIES = ()


def open_mode(settings: TransformersSettings, tokenizer: Any) -> "Likelihood":
    """The mode, for settings that name it."""
    return Likelihood(settings, tokenizer)


class Likelihood:
    """The likeliest of the answers that there are."""

    def __init__(self, settings: TransformersSettings, tokenizer: Any) -> None:
        assert settings.answers is not None, "the settings name this mode"
        self._settings, self._answers, self._tokenizer = settings, settings.answers, tokenizer

    def form(self, record: Asked) -> tuple[Candidate, ...]:
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
        return max(longest, self._settings.decoding.max_new_tokens)

    def answering(self, network: "Network") -> "LikeliestAnswers":
        """The model that answers."""
        from ecslm.prediction.answers.scoring import LikeliestAnswers

        return LikeliestAnswers(network)

    def _candidate(self, text: str, scored: str) -> Candidate:
        # As in training.
        tokens = self._tokenizer(scored, add_special_tokens=False)["input_ids"]
        lengths = {"none": 1, "tokens": len(tokens), "bytes": len(scored.encode())}
        return Candidate(text, tuple(tokens), lengths[self._answers.normalization])
