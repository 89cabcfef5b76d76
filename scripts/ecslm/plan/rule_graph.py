"""The graph of a study's rules: which of them reads what which other one makes."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from ecslm.figures.settings import RuleGraph

# The wildcards of a job, and the jobs of each rule.
Wildcards = Mapping[str, str]
Jobs = Mapping[str, Sequence[Wildcards]]
FilesOf = Callable[[str, Wildcards], Iterable[str]]


def rule_graph(jobs: Jobs, outputs: FilesOf, inputs: FilesOf) -> RuleGraph:
    """The rules that have jobs, and how they depend on each other.

    Args:
        outputs: the files that a job of a rule makes.
        inputs: the files that it reads.
    """
    made = {
        path: rule for rule, each in jobs.items() for one in each for path in outputs(rule, one)
    }
    edges = {
        (made[path], rule)
        for rule, each in jobs.items()
        for one in _covering(each)
        for path in inputs(rule, one)
        if path in made
    }
    return RuleGraph(
        jobs={rule: len(each) for rule, each in jobs.items() if each}, edges=tuple(sorted(edges))
    )


def _covering(jobs: Iterable[Wildcards]) -> Iterator[Wildcards]:
    """Some of the jobs, in which each model, task and so on occurs: what a job reads depends on
    these, and on no two of them together."""
    seen: set[tuple[str, str]] = set()
    for job in jobs:
        if not job or not job.items() <= seen:
            seen |= job.items()
            yield job
