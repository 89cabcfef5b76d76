"""The interface of the modes of answering, and loading one by name.

A mode is loaded by name so that its code is in the digest of those predictions alone that use it:
an edit of one reruns no free generation.
"""

from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol

from ecslm.prediction.backend import Generated
from ecslm.prediction.transformers_settings import TransformersSettings

if TYPE_CHECKING:
    import torch

    from ecslm.prediction.answers.forms import Asked
    from ecslm.prediction.network import Network


class Answering(Protocol):
    """A loaded model that answers in one way."""

    def answers(
        self, prompts: Sequence[Sequence[int]], forms: Sequence[Any], numbers: "torch.Tensor"
    ) -> list[Generated]:
        """Answer the prompts of a batch, in order.

        Args:
            prompts: as tokens.
            forms: of the answers, see `AnswerMode.form`.
            numbers: random numbers from 0 to 1, prompts x steps, for decoding that samples.

        Raises:
            torch.OutOfMemoryError: the batch is too large.
        """


class AnswerMode(Protocol):
    """A way of answering, before the weights are loaded."""

    def form(self, record: "Asked", /) -> Any:
        """What the answer to a record may be.

        Raises:
            InputError: the record has not what the form is made of, or `max_new_tokens` may cut
                the shortest answer.
        """

    def room(self, form: Any, /) -> int:
        """The most tokens that an answer takes."""

    def answering(self, network: "Network", /) -> Answering:
        """The model that answers."""


def open_mode(settings: TransformersSettings, tokenizer: Any) -> AnswerMode:
    """The mode that settings name, by the `open_mode` of its module."""
    (module,) = settings.modules()
    found: AnswerMode = import_module(module).open_mode(settings, tokenizer)
    return found
