"""F1* of extracted attribute values (AVE): equation 1 of the paper, and the released micro-F1."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from ecslm.schemas.metrics_file import Outcome, Score
from ecslm.scoring.answers import Extraction
from ecslm.scoring.metrics.protocol import Array, Item, Metric, ratio, ratios

_NULLS = frozenset({"none", "null", ""})


class ExtractionF1(Metric):
    """F1* of target attributes. It has no classes: hits with and without a value count equally."""

    NAME = "F1*"
    ANSWERS = Extraction()
    CELLS = ("nv", "iv", "cv", "wv", "nl")

    def outcomes(self, items: Sequence[Item]) -> list[Outcome]:
        """Counts of the record's target attributes by the kind of answer.

        If the reference has no value: nv (none given) or iv (a value given). If it has values: nl
        (none given), cv (one of them given) or wv (another given). An invalid answer counts as iv
        or wv.
        """
        judged = map(_judge, items)
        return [{name: kinds.count(name) for name in self.CELLS} for kinds in judged]

    def values(self, totals: Array) -> Array:
        """The harmonic mean of precision* = hits / answered and recall* = hits / N.

        hits = nv + cv; answered = nv + iv + cv + wv; N = answered + nl. The mean of hits / a and
        hits / b is 2 hits / (a + b).
        """
        nv, iv, cv, wv, nl = np.moveaxis(totals, -1, 0)
        answered = nv + iv + cv + wv
        return ratios(2 * (nv + cv), answered + answered + nl)

    def quality(self, outcome: Outcome) -> float:
        """The share of the record's target attributes that are correct; 0 if it has none."""
        return ratio(outcome["nv"] + outcome["cv"], sum(outcome.values())) or 0.0

    def details(self, _: Sequence[Item], totals: Array) -> dict[str, Any]:
        """precision*, recall*, and the share of negatives, which is recall* if all answers are
        null."""
        nv, iv, cv, wv, nl = counts = totals.astype(int).tolist()
        units = nv + iv + cv + wv + nl
        return {
            "precision": ratio(nv + cv, nv + iv + cv + wv),
            "recall": ratio(nv + cv, units),
            "negative_share": ratio(nv + iv, units),
            "counts": dict(zip(self.CELLS, counts, strict=True)),
        }

    def released(self, items: Sequence[Item]) -> Score:
        """As released: micro-F1 over (attribute, value, source) entries."""
        hits, predicted, references = counts = _released_counts(items)
        names = ("hits", "predicted", "references")
        details = {
            "precision": ratio(hits, predicted),
            "recall": ratio(hits, references),
            "counts": dict(zip(names, counts, strict=True)),
        }
        return Score.of(ratio(2 * hits, predicted + references), details)

    def released_2024(self, items: Sequence[Item]) -> Score:
        """Twice the recall of `released`.

        That scorer never counted predicted entries, so precision overflowed and the harmonic mean
        2 p r / (p + r) tended to 2 r.
        """
        hits, _, references = _released_counts(items)
        recall = ratio(hits, references)
        counts = {"hits": hits, "references": references}
        value = None if recall is None else 2 * recall
        return Score.of(value, {"recall": recall, "counts": counts})


METRIC = ExtractionF1()


def _judge(item: Item) -> list[str]:
    right: dict[str, set[str]] = {}
    for attribute, value in item.reference:
        right.setdefault(attribute, set()).update({value} - _NULLS)
    if item.answer is None:
        return ["wv" if values else "iv" for values in right.values()]
    # The first entry of an attribute counts; later ones must not overwrite it.
    given = dict(reversed(item.answer))
    return [_judge_value(values, given.get(attribute, "")) for attribute, values in right.items()]


def _judge_value(right: set[str], given: str) -> str:
    if not right:
        return "nv" if given in _NULLS else "iv"
    if given in _NULLS:
        return "nl"
    return "cv" if given in right else "wv"


def _released_counts(items: Iterable[Item]) -> tuple[int, int, int]:
    """Hits, predicted entries that have an attribute, reference entries."""
    hits = predicted = references = 0
    for item in items:
        right = _released_entries(item.record.reference)
        given = [e for e in _released_entries(item.record.prediction) if "attribute" in e]
        loose = item.record.setting.startswith("OOD_")
        hits += sum(_is_hit(entry, other, loose) for entry in right for other in given)
        predicted += len(given)
        references += len(right)
    return hits, predicted, references


def _released_entries(text: str) -> list[dict[str, Any]]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return []
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []


def _is_hit(right: dict[str, Any], given: dict[str, Any], loose: bool) -> bool:
    if right.get("attribute") != given["attribute"]:
        return False
    pairs = [(right.get(field), given.get(field)) for field in ("value", "source")]
    same = all(one == other for one, other in pairs)
    return same or (loose and all(_contain(one, other) for one, other in pairs))


def _contain(one: Any, other: Any) -> bool:
    """Whether one text contains the other; null contains nothing."""
    return isinstance(one, str) and isinstance(other, str) and (one in other or other in one)
