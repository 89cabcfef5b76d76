"""Parsing answers that rank the record's products, to their letters, best first."""

import re
from string import ascii_uppercase

from ecslm.common.errors import Problem
from ecslm.schemas.fields import product_letters
from ecslm.schemas.prediction import ScoredPrediction
from ecslm.scoring.answers.letters import letters_alone

_SEPARATORS = re.compile(r"[,>\s]+")


def problems(prediction: ScoredPrediction) -> list[Problem]:
    """Relevance labels that are missing, more than there are letters, or not one for each product
    in the reference."""
    if not prediction.relevance:
        message = "missing; a ranking cannot be scored without its labels"
        return [Problem(message, field="relevance")]
    if len(prediction.relevance) > len(ascii_uppercase):
        message = f"{len(prediction.relevance)} labels, more than there are letters"
        return [Problem(message, field="relevance", kind="too_many")]
    products = prediction.reference.count(",") + 1
    if prediction.reference and products != len(prediction.relevance):
        message = (
            f"has length {len(prediction.relevance)}, but the reference ranks {products} products"
        )
        return [Problem(message, field="relevance", kind="other_length")]
    return []


def reference(prediction: ScoredPrediction) -> tuple[str, ...]:
    """The relevance labels E, S, C, I of the products A, B, ..."""
    return tuple(prediction.relevance or ())


def letters(prediction: ScoredPrediction) -> str:
    """The letters of the record's products, in order."""
    return product_letters(prediction.relevance)


def strict(prediction: ScoredPrediction) -> tuple[str, ...] | None:
    """Letters separated by `,`, `>` or white space, without unknown letters and repeats."""
    tokens = [token for token in _SEPARATORS.split(prediction.prediction) if token]
    if any(len(token) != 1 or not token.isalpha() for token in tokens):
        return None
    return _known(tokens, prediction)


def lenient(prediction: ScoredPrediction) -> tuple[str, ...] | None:
    """The first sequence of two or more of the record's letters, else the first single letter."""
    answer = strict(prediction)
    if answer is not None:
        return answer
    text, known = prediction.prediction, letters(prediction)
    letter = f"[A-{known[-1]}]"
    sequence = re.compile(
        rf"(?<![\w'\u2019]){letter}(?:(?:\s*[,>]\s*|\s+){letter})+(?![\w'\u2019])", re.IGNORECASE
    )
    if match := sequence.search(text):
        return _known([token for token in _SEPARATORS.split(match[0]) if token], prediction)
    alone = [mention.letter for mention in letters_alone(text) if mention.letter in known]
    return tuple(alone[:1]) or None


def _known(tokens: list[str], prediction: ScoredPrediction) -> tuple[str, ...] | None:
    known = set(letters(prediction))
    # str.upper() turns some letters of other alphabets into ASCII capitals.
    given = (token.upper() for token in tokens if token.isascii())
    ranked = dict.fromkeys(letter for letter in given if letter in known)
    return tuple(ranked) or None
