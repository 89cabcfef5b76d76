"""Types of answers, each parsed strictly and leniently, and how often answers are the same."""

import json
import re
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Sequence
from itertools import islice
from string import ascii_uppercase
from typing import Any, ClassVar, NamedTuple

from ecslm.common.errors import Problem
from ecslm.common.text import shown
from ecslm.schemas.fields import OPTION, product_letters
from ecslm.schemas.metrics_file import AnswerCounts
from ecslm.schemas.prediction import ScoredPrediction

# A single capital letter, or a lower-case letter marked as an option, as in "b)" or "b:". Not the
# letters in "it's", "e.g.", "T-shirt" or "A&E".
_ALONE = re.compile(r"(?<![\w'\u2019.&-])(?:[A-Z](?![\w'\u2019&-]|\.\w)|[a-z](?=[:)]))")
_WORD_FOLLOWS = re.compile(r"\s+[a-z]")


class Mention(NamedTuple):
    """A letter that a text mentions, and the characters `start` to `end` of the mention."""

    start: int
    end: int
    letter: str


def letters_alone(text: str) -> Iterator[Mention]:
    """Single letters in order, as capitals, without the English words `A` and `I`.

    `I` before a lower-case word is the pronoun. `A` before one is the article if it begins a
    sentence ("A customer said", but not "option A is right").
    """
    for match in _ALONE.finditer(text):
        if not _is_word(text, match):
            yield Mention(match.start(), match.end(), match[0].upper())


def _is_word(text: str, match: re.Match[str]) -> bool:
    if match[0] not in "AI" or not _WORD_FOLLOWS.match(text, match.end()):
        return False
    before = text[: match.start()].rstrip(" \"'\u201c\u2018(")
    return match[0] == "I" or not before or before[-1] in ".!?\n"


class AnswerType(ABC):
    """How answers are parsed. Each has its own type of answer."""

    WRONG: ClassVar[str] = "cannot be parsed"
    """What is said of a reference that is no valid answer."""

    @abstractmethod
    def parse(self, text: str, prediction: ScoredPrediction) -> Any | None:
        """The answer that a text of this record gives; None if it is invalid."""

    def find(self, prediction: ScoredPrediction) -> Any | None:  # noqa: ARG002
        """The first answer anywhere in a prediction that is invalid as a whole."""
        return None

    def problems(self, prediction: ScoredPrediction) -> list[Problem]:
        """Why the record cannot be scored, by field; empty if it can."""
        if self.parse(prediction.reference, prediction) is not None:
            return []
        return [Problem(f"{shown(prediction.reference)} {self.WRONG}", field="reference")]

    def reference(self, prediction: ScoredPrediction) -> Any:
        """The correct answer. Only for records without problems."""
        answer = self.parse(prediction.reference, prediction)
        assert answer is not None
        return answer

    def strict(self, prediction: ScoredPrediction) -> Any | None:
        """The answer as the strict protocol parses it; None if it is invalid."""
        return self.parse(prediction.prediction, prediction)

    def lenient(self, prediction: ScoredPrediction) -> Any | None:
        """The answer as the lenient parser finds it."""
        answer = self.strict(prediction)
        return self.find(prediction) if answer is None else answer


_QUOTES = {'"': '"', "'": "'", "`": "`", "\u201c": "\u201d", "\u2018": "\u2019"}
_ENDINGS = ".!,"

# "yes or no" repeats the question, so the first alternative consumes it without a group.
_YES_OR_NO = re.compile(
    r"(?<![\w'\u2019-])(?:yes\s*(?:or|/)\s*no|no\s*(?:or|/)\s*yes|(yes|no))(?![\w'\u2019-])",
    re.IGNORECASE,
)


class YesNo(AnswerType):
    """`yes` or `no`."""

    WRONG = "is neither yes nor no"

    def parse(self, text: str, _: ScoredPrediction) -> str | None:
        """`yes` or `no` if that is the whole text, apart from quotes and final punctuation."""
        rest, stripped = text, None
        while rest != stripped:
            stripped = rest.strip()
            rest = stripped.rstrip(_ENDINGS).rstrip()
            if len(rest) > 1 and _QUOTES.get(rest[0]) == rest[-1]:
                rest = rest[1:-1]
        answer = rest.lower()
        return answer if answer in ("yes", "no") else None

    def find(self, prediction: ScoredPrediction) -> str | None:
        """The first word yes or no; `yes or no` does not count."""
        words = (match[1] for match in _YES_OR_NO.finditer(prediction.prediction))
        return next((word.lower() for word in words if word), None)


_ANSWER = re.compile(r"([A-Za-z])(?:[:.)](.*))?", re.DOTALL)
_BETWEEN = re.compile(r"[\s:.)]*")


class Choice(AnswerType):
    """The capital letter of an option."""

    WRONG = "is not one of the record's options"

    def parse(self, text: str, prediction: ScoredPrediction) -> str | None:
        """One option letter, alone or followed by `:`, `.` or `)`; or exactly an option's text.

        If several options have the same text, it means the first of them.
        """
        options, text = _options(prediction), text.strip()
        match = _ANSWER.fullmatch(text)
        if match and match[2] is None:
            return match[1].upper() if match[1].upper() in options else None
        # Before a letter with other text: an option's text may itself begin with "B.", as in a
        # name.
        for letter, option in options.items():
            if option and text.lower() == option:
                return letter
        if not match or match[1].upper() not in options:
            return None
        letter, rest = match[1].upper(), match[2].strip().lower()
        return None if rest and rest != options[letter] and rest in options.values() else letter

    def find(self, prediction: ScoredPrediction) -> str | None:
        """The first option letter or option text.

        A letter before another option's text ("B: very positive" where that is A) is ambiguous:
        both are ignored.
        """
        options, text = _options(prediction), prediction.prediction
        marks = [mark for mark in letters_alone(text) if mark.letter in options]
        quotes = _option_texts(text, options)
        refuted: set[Mention] = set()
        quote_at = {quote.start: quote for quote in quotes}
        for mark in marks:
            begins = _BETWEEN.match(text, mark.end)
            follower = quote_at.get(begins.end()) if begins else None
            if follower and options[follower.letter] != options[mark.letter]:
                refuted |= {mark, follower}
        mentions = sorted(mention for mention in marks + quotes if mention not in refuted)
        return mentions[0].letter if mentions else None

    def problems(self, prediction: ScoredPrediction) -> list[Problem]:
        """Options that are missing or have no letter; a reference that is not an option."""
        if not prediction.options:
            message = "missing; a choice cannot be scored without its options"
            return [Problem(message, field="options")]
        if len(_options(prediction)) < len(prediction.options):
            message = f"{shown(prediction.options)}: each needs a letter of its own and a colon"
            return [Problem(message, field="options")]
        return super().problems(prediction)


def _options(prediction: ScoredPrediction) -> dict[str, str]:
    """Option texts by letter, in lower case for comparison."""
    matches = (OPTION.fullmatch(option) for option in prediction.options or [])
    return {match[1].upper(): match[2].strip().lower() for match in matches if match}


def _option_texts(text: str, options: dict[str, str]) -> list[Mention]:
    """Option texts that occur in `text` as whole words; not "positive" within "very positive"."""
    letter_of = {option: letter for letter, option in sorted(options.items(), reverse=True)}
    # Of several at one place the longest.
    ordered = sorted(filter(None, letter_of), key=len, reverse=True)
    texts = re.compile(rf"(?<![^\W_])(?:{'|'.join(map(re.escape, ordered))})(?![^\W_])")
    found = texts.finditer(text.lower()) if ordered else ()
    return [Mention(match.start(), match.end(), letter_of[match[0]]) for match in found]


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
        labels = len(prediction.relevance)
        products = prediction.reference.count(",") + 1 if prediction.reference else labels
        if labels == products <= len(ascii_uppercase):
            return []
        message = f"has length {labels}, but the reference ranks {products} products, of at most 26"
        return [Problem(message, field="relevance")]

    def reference(self, prediction: ScoredPrediction) -> tuple[str, ...]:
        """The relevance labels E, S, C, I of the products A, B, ..."""
        return tuple(prediction.relevance or ())


Entries = tuple[tuple[str, str], ...]

KEYS = frozenset({"attribute", "value"})
# Where a list of objects, or an empty one, may begin, and how many such places are tried: an answer
# that repeats itself has thousands, and each is read to the end.
MOST_TRIES = 1_000
BEGINNING = re.compile(r"\[[ \t\n\r]*[{\]]")


class Extraction(AnswerType):
    """(attribute, value) pairs, lower-cased and stripped."""

    WRONG = "is not a JSON list of objects with `attribute` and `value`"

    def parse(self, text: str, _: ScoredPrediction) -> Entries | None:
        """The pairs of a text that is such a list; a value that is no string becomes JSON text."""
        try:
            # str.strip() also removes white space that JSON does not allow.
            return _entries(json.loads(text.strip()))
        except (ValueError, RecursionError):
            # ValueError: not JSON, or a number with too many digits.
            return None

    def find(self, prediction: ScoredPrediction) -> Entries | None:
        """The pairs of the first such list: also of one inside another or a string."""
        text = prediction.prediction
        for match in islice(BEGINNING.finditer(text), MOST_TRIES):
            try:
                value, _ = json.JSONDecoder().raw_decode(text, match.start())
            except (ValueError, RecursionError):
                continue
            if (entries := _entries(value)) is not None:
                return entries
        return None


def _entries(value: Any) -> Entries | None:
    if not isinstance(value, list):
        return None
    if not all(isinstance(entry, dict) and entry.keys() >= KEYS for entry in value):
        return None
    return tuple((_text(entry["attribute"]), _text(entry["value"])) for entry in value)


def _text(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return text.strip().lower()


class Generation(AnswerType):
    """The text, stripped."""

    def parse(self, text: str, _: ScoredPrediction) -> str | None:
        """The text; None when it is empty."""
        return text.strip() or None

    def problems(self, _: ScoredPrediction) -> list[Problem]:
        """No problems: any text can be scored against any other."""
        return []

    def reference(self, prediction: ScoredPrediction) -> str:
        """The reference text."""
        return prediction.reference


def answer_counts(answers: Iterable[str]) -> AnswerCounts:
    """The counts of one answer or more; of equally frequent ones the first in sort order."""
    counts = Counter(answers)
    most = min(counts, key=lambda answer: (-counts[answer], answer))
    return AnswerCounts(distinct=len(counts), most_frequent=most, count=counts[most])


def agreement(one: Sequence[Hashable], other: Sequence[Hashable]) -> tuple[float, float]:
    """The share of equal answers to the same records, and the share to expect by chance.

    The latter is that of Cohen's kappa (1960): both keep their own shares of each answer, but give
    them to records at random.
    """
    same = sum(a == b for a, b in zip(one, other, strict=True))
    counts, others = Counter(one), Counter(other)
    by_chance = sum(counts[answer] * others[answer] for answer in counts)
    return same / len(one), by_chance / len(one) ** 2
