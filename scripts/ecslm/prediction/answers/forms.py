"""The valid forms of an answer, by its type: what the strict protocol reads without fail.

Grammars are in the notation of llguidance, which is that of Lark. An answer may begin with a space,
since the first token of an answer has one in some tokenizers; the protocols do not mind.
"""

import json
from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass
from functools import cache
from itertools import combinations

from ecslm.common.errors import InputError
from ecslm.schemas.answers import OPTION, product_letters
from ecslm.schemas.fields import parse_object
from ecslm.schemas.record import Record
from ecslm.schemas.task import Answer

YES_NO = ("yes", "no", "Yes", "No")

# The grammar has a rule for each set of letters.
MOST_PRODUCTS = 10

NONE = "None"
TARGETS = "target attributes"


@dataclass(frozen=True)
class Form:
    """The answers that are valid."""

    grammar: str
    longest: int | None
    """Bytes of the longest valid answer; None if there is no limit."""
    endings: tuple[bytes, ...] = ()
    """Only if answers have no limit: endings of which at least one completes every beginning of an
    answer, unless that ends within a character of free text.
    """


def form_of(answer: Answer, record: Record) -> Form:
    """The valid answers to a record.

    Raises:
        InputError: the record has not what they are made of.
    """
    match answer:
        case "yes_no":
            return _one_of(YES_NO)
        case "choice":
            return _one_of(option_letters(record))
        case "ranking":
            return _permutation(_products(record))
        case "extraction":
            return _extraction(*_attributes_and_sources(record))
    raise InputError(f"an answer of type {answer} has no form to keep to")


def option_letters(record: Record) -> list[str]:
    """The letters of the record's options, as they are listed.

    Raises:
        InputError: there are no options, or one has no letter.
    """
    matches = [OPTION.fullmatch(option) for option in record.options or ()]
    letters = [match[1] for match in matches if match]
    if not letters or len(letters) < len(matches):
        raise _without(record, "options with letters")
    return letters


def _one_of(answers: Sequence[str]) -> Form:
    alternatives = " | ".join(_json(answer) for answer in dict.fromkeys(answers))
    longest = max(len(answer.encode()) for answer in answers)
    return Form(f'start: " "? ({alternatives})', 1 + longest)


def _products(record: Record) -> str:
    letters = product_letters(record.relevance)
    if not letters:
        raise _without(record, "relevance labels")
    if len(letters) > MOST_PRODUCTS:
        raise InputError(
            f"record {record.id}: {len(letters)} products, but constrained answers rank at most "
            f"{MOST_PRODUCTS}: use `answers: free`"
        )
    return letters


@cache
def _permutation(letters: str) -> Form:
    """Each letter once, with a comma between two, and a space if the model likes."""
    rules = [f'start: " "? {_rest(letters)}', "SEPARATOR: /, ?/"]
    for count in range(1, len(letters) + 1):
        for left in map("".join, combinations(letters, count)):
            ways = (_first(letter, left.replace(letter, "")) for letter in left)
            rules.append(f"{_rest(left)}: {' | '.join(ways)}")
    return Form("\n".join(rules), 1 + 3 * len(letters) - 2)


def _first(letter: str, left: str) -> str:
    return f'"{letter}" SEPARATOR {_rest(left)}' if left else f'"{letter}"'


def _rest(letters: str) -> str:
    """The name of the rule for what follows while some letters are left."""
    return f"rest_{letters.lower()}"


def _attributes_and_sources(record: Record) -> tuple[list[str], list[str]]:
    """Names of the target attributes, in lower case as in the data, and of the input's fields."""
    try:
        parts = parse_object(record.input)
        names = parts.pop(TARGETS)
    except (ValueError, KeyError):
        names = None
    if not isinstance(names, str) or not names.strip():
        raise _without(record, f"an input that is an object with `{TARGETS}`")
    attributes = dict.fromkeys(_targets(names.lower(), _referenced(record)))
    return list(attributes), list(dict.fromkeys([*parts, NONE]))


def _targets(names: str, known: Set[str]) -> Iterator[str]:
    """The names in a text such as "brand and color".

    A name may itself have an "and". Where the reference has it as one name, it is one.
    """
    parts = [part.strip() for part in names.split(" and ")]
    while parts:
        joined = [" and ".join(parts[:count]) for count in range(len(parts), 0, -1)]
        name = next((one for one in joined if one in known), parts[0])
        yield name
        parts = parts[name.count(" and ") + 1 :]


def _referenced(record: Record) -> set[str]:
    """The names of attributes in the reference, of which no more than these is looked at."""
    try:
        return {str(entry["attribute"]).lower() for entry in json.loads(record.output)}
    except (ValueError, TypeError, KeyError):
        return set()


def _extraction(attributes: Sequence[str], sources: Sequence[str]) -> Form:
    """A JSON list of entries in the way that `json.dumps` writes it, at least one."""
    grammar = "\n".join(
        (
            'start: " "? "[" entry (", " entry)* "]"',
            r'entry: "{\"attribute\": " NAME ", \"value\": " VALUE ", \"source\": " SOURCE "}"',
            f"NAME: {' | '.join(_json(_json(name)) for name in attributes)}",
            f"SOURCE: {' | '.join(_json(_json(name)) for name in sources)}",
            r'VALUE: /"([^"\\\x00-\x1F]|\\["\\])*"/',
        )
    )
    return Form(grammar, None, tuple(sorted(set(_endings(attributes, sources)))))


def _endings(attributes: Iterable[str], sources: Iterable[str]) -> Iterator[bytes]:
    """What may be left of an answer that ends with the shortest value, and without a source."""
    yield b""
    last = f', "source": "{NONE}"}}]'
    for name in attributes:
        for opening in ("[", ", "):
            yield from _suffixes(f'{opening}{{"attribute": {_json(name)}, "value": ""{last}')
    for name in sources:
        yield from _suffixes(f"{_json(name)}}}]")
    # After a backslash within the value.
    yield f'""{last}'.encode()


def _suffixes(text: str) -> Iterator[bytes]:
    whole = text.encode()
    return (whole[start:] for start in range(len(whole)))


def _json(text: str) -> str:
    """A text in quotes, in an answer; the literals of a grammar are quoted in the same way."""
    return json.dumps(text, ensure_ascii=False)


def _without(record: Record, what: str) -> InputError:
    return InputError(
        f"record {record.id}: answers that are not free need {what}: use `answers: free`"
    )
