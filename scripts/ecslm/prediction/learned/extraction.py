"""Values of attributes: those seen in training that occur in the text."""

import json
from collections.abc import Collection, Mapping, Sequence

from ecslm.prediction.learned.fields import fields_of
from ecslm.schemas.record import Record

TARGETS = "target attributes"
NONE = "None"


def values_of(record: Record) -> dict[str, list[str]]:
    """The values of a training record by attribute, none where it says that there is none."""
    found: dict[str, list[str]] = {}
    for entry in json.loads(record.output):
        values = found.setdefault(str(entry["attribute"]).lower(), [])
        if entry["value"] != NONE:
            values.append(str(entry["value"]))
    return found


def attributes_of(record: Record, known: Collection[str]) -> list[str]:
    """The attributes that a record asks for; all known ones if it does not say.

    A name may itself have an "and": it is one where training knows it as one.
    """
    named = fields_of(record.input).get(TARGETS)
    if named is None:
        return list(known)
    parts = [part.strip() for part in " and ".join(named).lower().split(" and ")]
    found = []
    while parts:
        counts = range(len(parts), 0, -1)
        joined = next((n for n in counts if " and ".join(parts[:n]) in known), 1)
        found.append(" and ".join(parts[:joined]))
        parts = parts[joined:]
    return list(dict.fromkeys(found))


def as_entries(record: Record, found: Mapping[str, Sequence[str]]) -> list[dict[str, str]]:
    """The answer: an entry for each value, with the field that it was found in."""
    fields = {name: " ".join(texts).lower() for name, texts in fields_of(record.input).items()}
    return [
        {
            "attribute": name,
            "value": value,
            "source": next((key for key, text in fields.items() if value.lower() in text), NONE)
            if value != NONE
            else NONE,
        }
        for name, values in found.items()
        for value in values or [NONE]
    ]
