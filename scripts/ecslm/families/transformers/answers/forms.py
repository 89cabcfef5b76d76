"""The valid forms of an answer, by its type: what the strict protocol reads without fail.

They are made of what the prompt says, never of the right answer.

Grammars are in the notation of llguidance, which is that of Lark. An answer may begin with a space,
since the first token of an answer has one in some tokenizers; the protocols do not mind.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations
from string import ascii_uppercase
from typing import Any, NoReturn

from ecslm.common.errors import InputError
from ecslm.schemas.fields import OPTION, parse_object
from ecslm.schemas.record import Record
from ecslm.schemas.task import Answer

YES_NO = ("yes", "no", "Yes", "No")

# The grammar has a rule for each set of letters.
MOST_PRODUCTS = 10

NONE = "None"
TARGETS, PRODUCTS, AND = "target attributes", "product list", " and "

# What completes a character of several bytes: after some first bytes the second must be a low one,
# after others a high one.
COMPLETIONS = (b"", *(one + b"\x80" * more for more in range(3) for one in (b"\x80", b"\xbf")))


@dataclass(frozen=True)
class Form:
    """The answers that are valid."""

    grammar: str
    endings: tuple[bytes, ...] = ()
    """Only if answers may be of any length: endings of which at least one completes every beginning
    of an answer, unless that ends within a character of free text.
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
            return _extraction(record)
    raise InputError(f"an answer of type {answer} has no form to keep to")


def option_letters(record: Record) -> list[str]:
    """The letters of the record's options, as they are listed.

    Raises:
        InputError: there are no options, or one has no letter.
    """
    return _letters(record.options) or _without(record, "options with letters")


def _letters(listed: Any) -> list[str]:
    """The letters of a list; none if it is no list of options with letters."""
    options = listed if isinstance(listed, list) else []
    matches = [OPTION.fullmatch(option) for option in options if isinstance(option, str)]
    letters = [match[1] for match in matches if match]
    return letters if len(letters) == len(options) else []


def _one_of(answers: Sequence[str]) -> Form:
    alternatives = " | ".join(map(_literal, dict.fromkeys(answers)))
    return Form(f'start: " "? ({alternatives})')


def _products(record: Record) -> str:
    letters = "".join(_letters(_parts(record).get(PRODUCTS)))
    if not letters or not ascii_uppercase[:MOST_PRODUCTS].startswith(letters):
        what = f"an input that is an object whose `{PRODUCTS}` has letters A, B, ..."
        _without(record, f"{what}, at most {MOST_PRODUCTS}")
    return letters


def _parts(record: Record) -> dict[str, Any]:
    """The fields of an input that is an object; none if it is not."""
    try:
        return parse_object(record.input)
    except ValueError:
        return {}


@cache
def _permutation(letters: str) -> Form:
    """Each letter once, with a comma between two, and a space if the model likes."""
    # A rule for what follows while some letters are left.
    rules = [f'start: " "? rest_{letters.lower()}', "SEPARATOR: /, ?/"]
    for count in range(1, len(letters) + 1):
        for left in map("".join, combinations(letters, count)):
            others = [(one, left.replace(one, "").lower()) for one in left]
            ways = (
                f'"{one}" SEPARATOR rest_{more}' if more else f'"{one}"' for one, more in others
            )
            rules.append(f"rest_{left.lower()}: {' | '.join(ways)}")
    return Form("\n".join(rules))


def _extraction(record: Record) -> Form:
    """A JSON list of entries in the way that `json.dumps` writes it, at least one.

    Target attributes are in lower case, as in the data. A name may itself have an "and", and
    nothing says which: of "care and use" each of both may be one, and the whole.
    """
    parts = _parts(record)
    targets = parts.pop(TARGETS, None)
    if not isinstance(targets, str) or not targets.strip():
        _without(record, f"an input that is an object with `{TARGETS}`")
    attributes = [name.strip() for name in targets.lower().split(AND)]
    sources = list(dict.fromkeys([*parts, NONE]))
    ends = range(1, len(attributes) + 1)
    names = dict.fromkeys(AND.join(attributes[start:end]) for end in ends for start in range(end))
    grammar = "\n".join(
        (
            'start: " "? "[" entry (", " entry)* "]"',
            r'entry: "{\"attribute\": " NAME ", \"value\": " VALUE ", \"source\": " SOURCE "}"',
            f"NAME: {' | '.join(_literal(_json(name)) for name in names)}",
            f"SOURCE: {' | '.join(_literal(_json(name)) for name in sources)}",
            r'VALUE: /"([^"\\\x00-\x1F]|\\["\\])*"/',
        )
    )
    return Form(grammar, tuple(sorted(set(_endings(attributes, sources)))))


def _endings(attributes: Iterable[str], sources: Iterable[str]) -> Iterator[bytes]:
    """What may be left of an answer that ends with the shortest value, and without a source."""
    last = f', "source": "{NONE}"}}]'
    texts = [f"{_json(name)}}}]" for name in sources]
    for name in map(_json, attributes):
        # The last may go on with a name that has begun.
        for opening in ('[{"attribute": "', ', {"attribute": "', AND):
            texts.append(f'{opening}{name[1:]}, "value": ""{last}')
    for whole in map(str.encode, texts):
        yield from (whole[start:] for start in range(len(whole) + 1))
    # After a backslash within the value.
    yield f'""{last}'.encode()


def _json(text: str) -> str:
    """A text in quotes, in an answer."""
    return json.dumps(text, ensure_ascii=False)


def _literal(text: str) -> str:
    """A text in a grammar, which may have no control characters, not even DEL."""
    return _json(text).replace("\x7f", r"\u007f")


def _without(record: Record, what: str) -> NoReturn:
    raise InputError(
        f"record {record.id}: answers that are not free need {what}: use `answers: free`"
    )
