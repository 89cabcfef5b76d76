"""Learning to answer a task from its records."""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence

from sklearn.metrics import accuracy_score, f1_score
from threadpoolctl import threadpool_limits

from ecslm.prediction.learned.classes import classify
from ecslm.prediction.learned.extraction import extract
from ecslm.prediction.learned.fields import (
    as_answer,
    first_word_asked,
    lettered,
    passages,
    ranked_items,
    right_letter,
    spelling,
    word_f1,
    writes_texts,
)
from ecslm.prediction.learned.nearest import nearest
from ecslm.prediction.learned.ranking import rank
from ecslm.prediction.learned_settings import Method
from ecslm.schemas.record import Record
from ecslm.schemas.task import TaskKind

Answers = Callable[[Sequence[Record]], list[str]]

# The word that stands alone before an answer.
OPENING = re.compile(r"(\w+)[,.]")


def learn(
    method: Method, task: TaskKind, train: Sequence[Record], val: Sequence[Record]
) -> Answers:
    """What answers records of a task.

    Args:
        train: the records to learn from; their order does not matter.
        val: records by which settings are chosen.
    """
    train, val = (sorted(records, key=lambda record: record.id) for records in (train, val))
    # More threads would round sums in another way.
    limited = threadpool_limits.wrap(1)
    answers: Answers = limited(limited(_learned)(method, task, train, val))
    return answers


def _learned(
    method: Method, task: TaskKind, train: Sequence[Record], val: Sequence[Record]
) -> Answers:
    if method == "nearest":
        return nearest(train, task)
    match task.answer:
        case "yes_no":
            return _yes_no(train, val)
        case "choice" if _share_options(train):
            return _choices(task, train, val)
        case "choice":
            return _options(train, val)
        case "ranking":
            return _rankings(train, val)
        case "extraction":
            return extract(train, val)
        case "generation":
            return _passages(train, val)


def _yes_no(train: Sequence[Record], val: Sequence[Record]) -> Answers:
    def measure(right: Sequence[str], answers: Sequence[str]) -> float:
        return float(f1_score(right, answers, pos_label="yes", zero_division=0))

    classes, scores = classify(
        train, val, lambda one: one.output.strip().lower(), measure, positive="yes"
    )
    spelt = spelling(train)
    return lambda records: [spelt[classes[i]] for i in scores(records).argmax(axis=1)]


def _share_options(train: Sequence[Record]) -> bool:
    """Whether options are classes, rather than other texts in each record."""
    distinct = {text for record in train for text in lettered(record.options or ()).values()}
    return len(distinct) <= max(2 * len(train[0].options or ()), len(train) / 20)


def _choices(task: TaskKind, train: Sequence[Record], val: Sequence[Record]) -> Answers:
    def label(record: Record) -> str:
        return lettered(record.options or ()).get(right_letter(record) or "", "")

    def measure(right: Sequence[str], answers: Sequence[str]) -> float:
        if task.metric == "macro_f1":
            return float(f1_score(right, answers, average="macro", zero_division=0))
        return float(accuracy_score(right, answers))

    classes, scores = classify(train, val, label, measure)
    texts = writes_texts(train)

    def answers(records: Sequence[Record]) -> list[str]:
        found = []
        for record, row in zip(records, scores(records), strict=True):
            by_class = dict(zip(classes, row, strict=True))
            options = lettered(record.options or ())
            best = max(options, key=lambda one: by_class.get(options[one], -1e9))
            found.append(as_answer(record, best, texts))
        return found

    return answers


def _options(train: Sequence[Record], val: Sequence[Record]) -> Answers:
    def options_of(record: Record) -> dict[str, str]:
        return lettered(record.options or ())

    def answer(record: Record, order: Sequence[int]) -> str:
        return as_answer(record, list(options_of(record))[order[0]], texts)

    texts = writes_texts(train)
    return _lettered(train, val, options_of, lambda record: [right_letter(record) or ""], answer)


def _rankings(train: Sequence[Record], val: Sequence[Record]) -> Answers:
    def answer(record: Record, order: Sequence[int]) -> str:
        letters = list(ranked_items(record))
        return ",".join(letters[number] for number in order)

    def right(record: Record) -> list[str]:
        return [one.strip() for one in record.output.split(",")]

    return _lettered(train, val, ranked_items, right, answer)


def _lettered(
    train: Sequence[Record],
    val: Sequence[Record],
    items_of: Callable[[Record], dict[str, str]],
    right: Callable[[Record], list[str]],
    answer: Callable[[Record, Sequence[int]], str],
) -> Answers:
    """Answers by the order of each record's texts by letter, of which some letters are right."""

    def order_of(record: Record) -> list[int]:
        letters = list(items_of(record))
        return [letters.index(one) for one in right(record) if one in letters]

    return rank(train, val, lambda record: list(items_of(record).values()), order_of, answer)


def _passages(train: Sequence[Record], val: Sequence[Record]) -> Answers:
    """The passage of the input that is likest to a right answer, by those of training records,
    after the opening (`Yes`) that most right answers to such a question have."""
    openings: dict[str, Counter[str]] = defaultdict(Counter)
    for record in train:
        found = OPENING.match(record.output.strip())
        openings[first_word_asked(record)][found[1] if found else ""] += 1

    def order_of(record: Record) -> list[int]:
        found = [word_f1(text, record.output) for text in passages(record)]
        return [max(range(len(found)), key=lambda one: found[one])] if any(found) else []

    def answer(record: Record, order: Sequence[int]) -> str:
        known = openings.get(first_word_asked(record), Counter({"": 1}))
        opening = max(sorted(known), key=lambda one: known[one])
        passage = passages(record)[order[0]]
        return f"{opening}, {passage}" if opening else passage

    return rank(train, val, passages, order_of, answer)
