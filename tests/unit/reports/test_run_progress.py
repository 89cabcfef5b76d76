"""How long the rest of a run takes."""

import pytest

from ecslm.reports.run_display import PlannedJob, RunProgress
from ecslm.reports.words import duration

A, B, C = range(3)


def job(
    seconds: float | None = None, gpu: float = 0.0, **more: tuple[tuple[str, ...]]
) -> PlannedJob:
    return PlannedJob(seconds, shares={"gpu": gpu, "_cores": 0.5}, **more)


@pytest.mark.parametrize(
    ("jobs", "left"),
    [
        ([job(10), job(10)], "about 10 s"),
        ([job(10), job(10), job(10)], "about 15 s"),
        ([job(10, gpu=1), job(10, gpu=1)], "about 20 s"),
        # No run ends before its longest job.
        ([job(60), job(2)], "about 1 min 0 s"),
        ([job(), job(30)], ""),
        ([], ""),
    ],
)
def test_jobs_that_share_the_cores_run_side_by_side_and_those_of_one_gpu_do_not(
    jobs: list[PlannedJob], left: str
) -> None:
    assert RunProgress(dict(enumerate(jobs))).time_left({}) == left


def test_what_a_running_job_has_run_is_no_longer_left_and_what_it_shows_counts_most() -> None:
    progress = RunProgress({A: job(10, gpu=1), B: job(10, gpu=1)})
    assert progress.time_left({A: (4.0, None)}) == "about 16 s"
    assert progress.time_left({A: (40.0, None)}) == "about 10 s", "it takes longer than expected"
    assert progress.time_left({A: (40.0, 100.0)}) == "about 1 min 10 s"
    progress.end(A, 41)
    assert (progress.time_left({}), progress.count) == ("about 10 s", "[1/2]")
    progress.left.discard(B)
    assert progress.time_left({}) == "", "it has failed"


def test_jobs_that_never_ran_are_expected_to_take_what_those_most_like_them_took() -> None:
    tuned, any_ = ("predict", "Tuned"), ("predict",)
    waiting = PlannedJob(likenesses=(tuned, any_))
    others = [PlannedJob(90, (("predict", "Other"), any_)), PlannedJob(30, (any_,))]
    progress = RunProgress({A: waiting, B: waiting, C: PlannedJob(20)}, others)
    assert progress.time_left({}) == "about 1 min 0 s"
    progress.end(A, 50)
    assert progress.time_left({}) == "about 50 s"
    progress.end(B, 50)
    assert progress.time_left({}) == "about 20 s", "what it took itself counts more"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.2, "0 s"), (59.4, "59 s"), (59.6, "1 min 0 s"), (400, "6 min 40 s"), (7500, "2 h 5 min")],
)
def test_a_duration_is_told_in_words(seconds: float, words: str) -> None:
    assert duration(seconds) == words
