"""The most frequent answer of a model, and how often two models agree. References play no part."""

from collections import Counter
from collections.abc import Hashable, Iterable, Sequence

from ecslm.schemas.metrics_file import AnswerCounts
from ecslm.scoring.metrics.protocol import Item


def answer_text(item: Item) -> str:
    """The answer as it was parsed, so that `A` and `A: positive` are one; an invalid one's text."""
    if item.answer is None:
        return item.record.prediction.strip()
    if isinstance(item.answer, str):
        return item.answer
    return ", ".join(part if isinstance(part, str) else ": ".join(part) for part in item.answer)


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
