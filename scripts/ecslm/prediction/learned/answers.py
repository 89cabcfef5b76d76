"""The form of answers: that of the training references."""

from collections import Counter
from collections.abc import Sequence

from ecslm.prediction.learned.fields import lettered
from ecslm.schemas.record import Record


def right_letter(record: Record) -> str | None:
    """The letter of the right option, from a reference that is a letter or an option's text."""
    answer = record.output.strip().lower()
    for letter, text in lettered(record.options or ()).items():
        if answer in (letter.lower(), text.lower(), f"{letter}: {text}".lower()):
            return letter
    return None


def writes_texts(train: Sequence[Record]) -> bool:
    """Whether references are whole options rather than their letters."""
    return 2 * sum(len(record.output.strip()) > 1 for record in train) > len(train)


def as_answer(record: Record, letter: str, texts: bool) -> str:
    """An option as references write it."""
    if not texts:
        return letter
    return next(
        (option for option in record.options or () if option.lstrip().startswith(letter)), letter
    )


def spelling(train: Sequence[Record]) -> dict[str, str]:
    """How references spell yes and no."""
    counts = Counter(record.output.strip() for record in train)
    found = {"yes": "yes", "no": "no"}
    for text, _ in sorted(counts.items(), key=lambda item: (item[1], item[0])):
        found[text.lower()] = text
    return found
