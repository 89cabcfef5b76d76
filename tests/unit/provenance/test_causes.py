"""Why jobs would run: each is counted under exactly one of the causes that reach it."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from ecslm.provenance.causes import Cause, Changes, find_causes
from ecslm.provenance.dag import Job


class Told(Changes):
    """Changes that are given, by manifest; the jobs that these reach would run."""

    def __init__(self, jobs: Sequence[Job], told: dict[str, tuple[str, ...]]) -> None:
        reached: set[str] = set()
        for one in jobs:
            if told.get(one.manifest) or reached.intersection(one.inputs):
                reached.update(one.files)
        super().__init__(replace(one, due=one.manifest in reached) for one in jobs)
        self._told = told

    def reasons(self, job: Job) -> tuple[str, ...]:
        return self._told.get(job.manifest, ())


def job(number: int, inputs: Sequence[int] = ()) -> Job:
    """A job that reads the results of others."""
    result = f"results/shop/{number}.json"
    reads = tuple(f"results/shop/{one}.json" for one in inputs)
    manifest = f"results/shop/{number}.manifest.json"
    return Job("predict", {}, {"result": (result,), "manifest": (manifest,)}, manifest, reads)


def causes(jobs: Sequence[Job], told: dict[int, tuple[str, ...]]) -> list[Cause]:
    """The causes, weighed by the number of jobs."""
    by_manifest = {jobs[number].manifest: reasons for number, reasons in told.items()}
    return find_causes(Told(jobs, by_manifest), lambda reached: (len(reached),))


@st.composite
def studies(draw: st.DrawFn) -> tuple[list[Job], dict[int, tuple[str, ...]]]:
    """Jobs, each of which reads results of some before it, and reasons of some."""
    count = draw(st.integers(1, 12))
    some = st.sets(st.integers(0, count - 1), max_size=4)
    jobs = [job(n, sorted(one for one in draw(some) if one < n)) for n in range(count)]
    words = st.sampled_from(
        [
            *("not built yet", "rank: 8 -> 16", "prompt.jinja has changed"),
            *(f"results/shop/{n}.json {word}" for n in range(4) for word in ("is new", "is old")),
        ]
    )
    reasons = st.lists(words, max_size=3, unique=True).map(tuple)
    return jobs, {number: draw(reasons) for number in range(count)}


def numbers(jobs: Sequence[Job]) -> list[int]:
    return [int(one.results[0].split("/")[-1].removesuffix(".json")) for one in jobs]


def readers(jobs: Sequence[Job], first: Sequence[Job]) -> Iterator[Job]:
    """The first jobs and all below them."""
    below: set[str] = set()
    for one in jobs:
        if numbers([one])[0] in numbers(first) or below.intersection(one.inputs):
            below.update(one.results)
            yield one


@given(studies())
def test_each_job_that_would_run_is_counted_once_under_a_cause_that_reaches_it(
    study: tuple[list[Job], dict[int, tuple[str, ...]]],
) -> None:
    jobs, told = study
    found = causes(jobs, told)
    stale = list(readers(jobs, [jobs[n] for n, reasons in told.items() if reasons]))
    counted = [one for cause in found for one in cause.counted]
    assert sorted(numbers(counted)) == numbers(stale)
    for cause in found:
        assert set(cause.counted) <= set(cause.reached)
        assert numbers(cause.reached) == numbers(list(readers(jobs, cause.concerned)))
    weights = [len(cause.reached) for cause in found]
    assert weights == sorted(weights, reverse=True)


def test_a_job_that_two_causes_reach_is_counted_under_the_one_that_reaches_more() -> None:
    jobs = [job(0), job(1, [0]), job(2, [0]), job(3), job(4, [1, 3])]
    first, second = causes(jobs, {0: ("rank: 8 -> 16",), 3: ("ndcg has changed",)})
    assert first.reasons == ("rank: 8 -> 16",)
    assert numbers(first.counted) == [0, 1, 2, 4]
    assert (numbers(second.counted), numbers(second.reached)) == ([3], [3, 4])


def test_changes_that_concern_the_same_jobs_are_one_cause() -> None:
    jobs = [job(0), job(1)]
    swapped = ("alpha: 32 -> 16", "rank: 16 -> 32")
    (cause,) = causes(jobs, {0: swapped, 1: swapped})
    assert cause.reasons == swapped


def test_what_follows_from_another_job_that_would_run_is_no_cause() -> None:
    jobs = [job(0), job(1, [0])]
    (cause,) = causes(jobs, {0: ("not built yet",), 1: ("results/shop/0.json is a new input",)})
    assert cause.reasons == ("not built yet",)
    assert numbers(cause.counted) == [0, 1]


def test_what_the_same_happened_to_many_results_is_one_cause() -> None:
    """As after a seed was removed, which scores over seeds and tables read."""
    jobs = [job(n) for n in range(3)]
    gone = ("results/shop/{}.json is no longer an input",)
    (cause,) = causes(jobs, {n: (gone[0].format(n + 10),) for n in range(3)})
    assert cause.reasons == ("results/shop/10.json is no longer an input, and 2 more like it",)
    assert numbers(cause.counted) == [0, 1, 2]
