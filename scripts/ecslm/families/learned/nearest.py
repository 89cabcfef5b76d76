"""The answer of the most similar training record.

Similar is the cosine of TF-IDF vectors of the whole input. Where an answer means something in its
own record alone, what is copied is its meaning: of options and of products to rank, the one most
like the right one there comes first; of values, those of the attributes that are asked for.
"""

from collections.abc import Callable, Sequence

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer

from ecslm.families.learned import fields
from ecslm.families.learned.extraction import as_entries, attributes_of, values_of
from ecslm.schemas.record import Record
from ecslm.schemas.task import TaskKind

Answers = Callable[[Sequence[Record]], list[str]]


def nearest(train: Sequence[Record], task: TaskKind) -> Answers:
    """Answers by the most similar training record; the first of several."""
    vectorizer = TfidfVectorizer(sublinear_tf=True, dtype=np.float32, max_features=200_000)
    inputs = [record.input for record in train]
    try:
        known = vectorizer.fit_transform(inputs)
    except ValueError:
        # There is no word of two letters.
        known = vectorizer.set_params(analyzer="char").fit_transform([x or " " for x in inputs])
    texts = fields.writes_texts(train)
    with_attribute: dict[str, list[int]] = {}
    if task.answer == "extraction":
        for number, record in enumerate(train):
            for name in values_of(record):
                with_attribute.setdefault(name, []).append(number)

    def by_similarity(wanted: str, among: dict[str, str]) -> list[str]:
        vectors = vectorizer.transform([wanted, *among.values()])
        scores = (vectors[1:] @ vectors[0].T).toarray().ravel()
        return [list(among)[i] for i in np.argsort(-scores, kind="stable")]

    def answer(record: Record, similar: np.ndarray) -> str:
        model = train[int(similar.argmax())]
        match task.answer:
            case "choice":
                wanted, options = fields.right_option(model), fields.options_of(record)
                same = [one for one, text in options.items() if text == wanted]
                best = same or by_similarity(wanted, options)
                return fields.as_answer(record, best[0], texts) if best else ""
            case "ranking":
                first = fields.ranked_items(model).get(model.output.strip()[:1], "")
                return ",".join(by_similarity(first, fields.ranked_items(record)))
            case "extraction":
                found = {}
                for name in attributes_of(record, with_attribute):
                    numbers = with_attribute.get(name)
                    best_ = train[numbers[int(similar[numbers].argmax())]] if numbers else None
                    found[name] = values_of(best_)[name] if best_ else []
                return as_entries(record, found)
            case _:
                return model.output

    def answers(records: Sequence[Record]) -> list[str]:
        similar = (vectorizer.transform([one.input for one in records]) @ known.T).toarray()
        return list(map(answer, records, similar))

    return answers
