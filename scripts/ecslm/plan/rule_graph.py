"""The graph of a study's rules: which of them reads what which other one makes."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import astuple
from typing import Any

from ecslm.figures.settings import RuleGraph
from ecslm.plan.keys import Key
from ecslm.plan.rules import Rule, as_tuple


def rule_graph(rules: Iterable[Rule[Any]]) -> RuleGraph:
    """The rules that have jobs, and how they depend on each other."""
    keys = {rule: tuple(rule.all_keys()) for rule in rules}
    made = {
        path: rule.name
        for rule, of_rule in keys.items()
        for key in of_rule
        for name in rule.patterns
        for path in rule.output_paths(name, key)
    }
    edges = {
        (made[path], rule.name)
        for rule, of_rule in keys.items()
        for key in _covering(of_rule)
        for path in _inputs(rule, key)
        if path in made
    }
    return RuleGraph(
        jobs={rule.name: len(of_rule) for rule, of_rule in keys.items() if of_rule},
        edges=tuple(sorted(edges)),
    )


def _covering(keys: Sequence[Key]) -> Iterator[Key]:
    """Some of the keys, in which each model, task and so on occurs: what a job reads depends on
    these, and on no two of them together."""
    seen: set[tuple[int, str]] = set()
    for key in keys:
        values = set(enumerate(astuple(key)))
        if not values or not values <= seen:
            seen |= values
            yield key


def _inputs(rule: Rule[Any], key: Key) -> Iterator[str]:
    for files in rule.inputs(key).values():
        yield from as_tuple(files)
