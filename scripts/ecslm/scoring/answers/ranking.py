"""Parsing answers that rank the record's products, to their letters, best first."""

import re
from string import ascii_uppercase

from ecslm.common.errors import Problem
from ecslm.schemas.fields import product_letters
from ecslm.schemas.prediction import ScoredPrediction
from ecslm.scoring.answers.protocol import AnswerType, letters_alone

_SEPARATORS = re.compile(r"[,>\s]+")


class Ranking(AnswerType):
    """Letters of the record's products, best first; a reference is their relevance labels."""

    def parse(self, text: str, prediction: ScoredPrediction) -> tuple[str, ...] | None:
        """Letters separated by `,`, `>` or white space, without unknown letters and repeats."""
        tokens = [token for token in _SEPARATORS.split(text) if token]
        if any(len(token) != 1 or not token.isalpha() for token in tokens):
            return None
        known = product_letters(prediction.relevance)
        # str.upper() turns some letters of other alphabets into ASCII capitals.
        given = (token.upper() for token in tokens if token.isascii())
        return tuple(dict.fromkeys(letter for letter in given if letter in known)) or None

    def find(self, prediction: ScoredPrediction) -> tuple[str, ...] | None:
        """The first sequence of two or more of the record's letters, else the first letter."""
        text, known = prediction.prediction, product_letters(prediction.relevance)
        letter = f"[A-{known[-1]}]"
        sequence = re.compile(
            rf"(?<![\w'\u2019]){letter}(?:(?:\s*[,>]\s*|\s+){letter})+(?![\w'\u2019])",
            re.IGNORECASE,
        )
        if match := sequence.search(text):
            return self.parse(match[0], prediction)
        alone = [mention.letter for mention in letters_alone(text) if mention.letter in known]
        return tuple(alone[:1]) or None

    def problems(self, prediction: ScoredPrediction) -> list[Problem]:
        """Relevance labels that are missing, more than there are letters, or not one for each
        product in the reference."""
        if not prediction.relevance:
            message = "missing; a ranking cannot be scored without its labels"
            return [Problem(message, field="relevance")]
        labels, products = len(prediction.relevance), prediction.reference.count(",") + 1
        if labels > len(ascii_uppercase):
            message = f"{labels} labels, more than there are letters"
            return [Problem(message, field="relevance", kind="too_many")]
        if prediction.reference and products != labels:
            message = f"has length {labels}, but the reference ranks {products} products"
            return [Problem(message, field="relevance", kind="other_length")]
        return []

    def reference(self, prediction: ScoredPrediction) -> tuple[str, ...]:
        """The relevance labels E, S, C, I of the products A, B, ..."""
        return tuple(prediction.relevance or ())


ANSWERS = Ranking()
