"""Learning to answer a task from its records."""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from functools import partial

from sklearn.metrics import accuracy_score, f1_score
from threadpoolctl import threadpool_limits

from ecslm.families.learned import fields
from ecslm.families.learned.backend import Method
from ecslm.families.learned.classes import classify
from ecslm.families.learned.extraction import extract
from ecslm.families.learned.nearest import nearest
from ecslm.families.learned.ranking import rank
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
        case "choice" | "ranking":
            return _lettered(task, train, val)
        case "extraction":
            return extract(train, val)
        case "generation":
            return _passages(train, val)


def _yes_no(train: Sequence[Record], val: Sequence[Record]) -> Answers:
    measure = partial(f1_score, pos_label="yes", zero_division=0)
    classes, scores = classify(
        train, val, lambda one: one.output.strip().lower(), measure, positive="yes"
    )
    return lambda records: [classes[i] for i in scores(records).argmax(axis=1)]


def _share_options(train: Sequence[Record]) -> bool:
    """Whether options are classes, rather than other texts in each record."""
    distinct = {text for record in train for text in fields.options_of(record).values()}
    return len(distinct) <= max(2 * len(train[0].options or ()), len(train) / 20)


def _choices(task: TaskKind, train: Sequence[Record], val: Sequence[Record]) -> Answers:
    macro_f1 = partial(f1_score, average="macro", zero_division=0)
    measure = macro_f1 if task.metric == "macro_f1" else accuracy_score
    classes, scores = classify(train, val, fields.right_option, measure)
    texts = fields.writes_texts(train)

    def answers(records: Sequence[Record]) -> list[str]:
        found = []
        for record, row in zip(records, scores(records), strict=True):
            by_class = dict(zip(classes, row, strict=True))
            options = fields.options_of(record)
            best = max(options, key=lambda one: by_class.get(options[one], -1e9))
            found.append(fields.as_answer(record, best, texts))
        return found

    return answers


def _lettered(task: TaskKind, train: Sequence[Record], val: Sequence[Record]) -> Answers:
    """The best option of each record, or its products in order."""
    choice = task.answer == "choice"
    items_of = fields.options_of if choice else fields.ranked_items
    texts = fields.writes_texts(train)

    def order_of(record: Record) -> list[int]:
        letters = list(items_of(record))
        order = map(str.strip, record.output.split(","))
        right = [fields.right_letter(record)] if choice else order
        return [letters.index(one) for one in right if one in letters]

    def answer(record: Record, order: Sequence[int]) -> str:
        letters = list(items_of(record))
        best_first = [letters[number] for number in order]
        return fields.as_answer(record, best_first[0], texts) if choice else ",".join(best_first)

    return rank(train, val, lambda record: list(items_of(record).values()), order_of, answer)


def _passages(train: Sequence[Record], val: Sequence[Record]) -> Answers:
    """The passage of the input that is most like a right answer, by those of training records,
    after the opening (`Yes`) that most right answers to such a question have."""
    openings: dict[str, Counter[str]] = defaultdict(Counter)
    for record in train:
        found = OPENING.match(record.output.strip())
        openings[fields.first_word_asked(record)][found[1] if found else ""] += 1

    def order_of(record: Record) -> list[int]:
        found = [fields.word_f1(text, record.output) for text in fields.passages(record)]
        return [max(range(len(found)), key=lambda one: found[one])] if any(found) else []

    def answer(record: Record, order: Sequence[int]) -> str:
        known = openings.get(fields.first_word_asked(record), Counter({"": 1}))
        opening = max(sorted(known), key=lambda one: known[one])
        passage = fields.passages(record)[order[0]]
        return f"{opening}, {passage}" if opening else passage

    return rank(train, val, fields.passages, order_of, answer)
