"""How long the rest of a run takes."""

from ecslm.reports.run_progress import JobKey, PlannedJob, RunProgress, TimeLeft

START = 1000.0


def key(rule: str, **wildcards: str) -> JobKey:
    return JobKey.of(rule, wildcards)


A, B, C = (key("predict", task=task) for task in "ABC")


def job(seconds: float | None = None, gpu: float = 0.0, cores: float = 0.5) -> PlannedJob:
    return PlannedJob(seconds, (("predict",),), {"gpu": gpu, "_cores": cores})


def left(progress: RunProgress, now: float = START) -> TimeLeft | None:
    return progress.time_left(now)


def test_jobs_that_share_the_cores_run_side_by_side_and_those_of_one_gpu_do_not() -> None:
    assert left(RunProgress({A: job(10), B: job(10)})) == TimeLeft(10)
    assert left(RunProgress({A: job(10), B: job(10), C: job(10)})) == TimeLeft(15)
    assert left(RunProgress({A: job(10, gpu=1), B: job(10, gpu=1)})) == TimeLeft(20)


def test_no_run_ends_before_its_longest_job() -> None:
    assert left(RunProgress({A: job(60), B: job(2)})) == TimeLeft(60)


def test_what_a_running_job_has_run_is_no_longer_left() -> None:
    progress = RunProgress({A: job(10, gpu=1), B: job(10, gpu=1)})
    progress.begin(A, START)
    assert left(progress, START + 4) == TimeLeft(16)
    assert left(progress, START + 40) == TimeLeft(10), "it takes longer than expected"
    assert progress.end(A, START + 41) == 41
    assert left(progress, START + 41) == TimeLeft(10)
    assert (progress.done, progress.total) == (1, 2)


def test_jobs_that_never_ran_are_expected_to_take_what_those_like_them_took_in_this_run() -> None:
    progress = RunProgress({A: job(), B: job(), C: job(30)})
    assert left(progress) == TimeLeft(30, at_least=True)
    progress.begin(A, START)
    progress.end(A, START + 50)
    assert progress.expected(B) == 50
    assert left(progress) == TimeLeft(50)
    assert progress.expected(C) == 30, "what it took itself counts more"


def test_the_most_similar_jobs_count() -> None:
    tuned, other = ("predict", "Tuned"), ("predict", "Other")
    planned = {
        A: PlannedJob(likenesses=(tuned, ("predict",))),
        B: PlannedJob(likenesses=(other, ("predict",))),
        C: PlannedJob(likenesses=(tuned, ("predict",))),
    }
    progress = RunProgress(planned)
    for one, seconds in ((A, 10), (B, 90)):
        progress.begin(one, START)
        progress.end(one, START + seconds)
    assert progress.expected(C) == 10


def test_nothing_is_said_while_too_little_is_known() -> None:
    assert left(RunProgress({A: job(), B: job()})) is None
    progress = RunProgress({A: job(), B: job(30)})
    progress.begin(A, START)
    assert left(progress, START + 30) == TimeLeft(30, at_least=True)
    assert left(progress, START + 31) is None, "that A takes longer than the rest is known"


def test_a_job_that_failed_is_not_waited_for_unless_it_begins_again() -> None:
    progress = RunProgress({A: job(10)})
    progress.begin(A, START)
    assert progress.fail(A, START + 3) == 3
    assert progress.done == 0
    progress.begin(A, START + 5)
    assert left(progress, START + 5) == TimeLeft(10)
