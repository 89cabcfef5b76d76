"""One digest of a graph of texts, whatever its nodes are called.

Colour refinement (Weisfeiler and Leman): a node's colour is its text at first, and then, again and
again, what it was with the colours of the nodes that it refers to and of those that refer to it.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence

from ecslm.fingerprint.names import Node, Target
from ecslm.fingerprint.reach import Part


def sha256(*texts: str) -> str:
    """Digest of texts, each with its length."""
    return hashlib.sha256("".join(f"{len(text)}:{text}" for text in texts).encode()).hexdigest()


def digest_of(parts: Mapping[Node, Part], roots: Sequence[Target], others: Iterable[str]) -> str:
    """The digest of all parts, of those that a script starts with, and of other texts."""
    edges = {node: list(_edges(part.edges)) for node, part in parts.items()}
    users: dict[Node, list[tuple[Node, str]]] = {node: [] for node in parts}
    for node, found in edges.items():
        for target, label in found:
            if target is not None:
                users[target].append((node, label))
    start = {target.node: target.label for target in roots}
    colours = {node: sha256(start.get(node, ""), part.code) for node, part in parts.items()}
    count = 0
    while len(set(colours.values())) > count:
        count = len(set(colours.values()))
        colours = {
            node: sha256(
                colours[node],
                *(f"{label} {colours[to] if to else ''}" for to, label in edges[node]),
                "used by",
                *sorted(f"{label} {colours[user]}" for user, label in users[node]),
            )
            for node in parts
        }
    order = (f"{label} {colours.get(node, '')}" for node, label in roots if node)
    return sha256(*sorted(colours.values()), "from", *order, "with", *sorted(others))


def _edges(edges: Iterable[Iterable[Target]]) -> Iterable[tuple[Node | None, str]]:
    """What a part refers to, by its places in the text."""
    for place, targets in enumerate(edges):
        for node, label in sorted(targets, key=lambda one: (one.node is None, one.label)):
            yield node, f"{place} {label}"
