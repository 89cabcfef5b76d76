"""How long the rest of a run takes."""

from ecslm.reports.run_progress import PlannedJob, RunProgress

START = 1000.0
A, B, C = range(3)


def job(seconds: float | None = None, gpu: float = 0.0, cores: float = 0.5) -> PlannedJob:
    return PlannedJob(seconds, (("predict",),), {"gpu": gpu, "_cores": cores})


def left(*jobs: PlannedJob) -> str:
    return RunProgress(dict(enumerate(jobs))).time_left(START)


def test_jobs_that_share_the_cores_run_side_by_side_and_those_of_one_gpu_do_not() -> None:
    assert left(job(10), job(10)) == "about 10 s"
    assert left(job(10), job(10), job(10)) == "about 15 s"
    assert left(job(10, gpu=1), job(10, gpu=1)) == "about 20 s"
    assert left(job(60), job(2)) == "about 1 min 0 s", "no run ends before its longest job"


def test_what_a_running_job_has_run_is_no_longer_left() -> None:
    progress = RunProgress({A: job(10, gpu=1), B: job(10, gpu=1)})
    progress.begin(A, START)
    assert progress.time_left(START + 4) == "about 16 s"
    assert progress.time_left(START + 40) == "about 10 s", "it takes longer than expected"
    progress.end(A, START + 41)
    assert progress.time_left(START + 41) == "about 10 s"
    assert progress.count == "1/2"


def test_jobs_that_never_ran_are_expected_to_take_what_those_most_like_them_took() -> None:
    tuned, other, any_ = ("predict", "Tuned"), ("predict", "Other"), ("predict",)
    waiting = PlannedJob(likenesses=(tuned, any_))
    progress = RunProgress({A: waiting, B: waiting, C: job(30)}, [PlannedJob(90, (other, any_))])
    assert progress.expected(A) == 60
    progress.begin(A, START)
    progress.end(A, START + 10)
    assert progress.expected(B) == 10
    assert progress.expected(C) == 30, "what it took itself counts more"


def test_nothing_is_said_while_too_little_is_known() -> None:
    unknown = PlannedJob()
    assert left(unknown, unknown) == ""
    progress = RunProgress({A: unknown, B: job(30)})
    progress.begin(A, START)
    assert progress.time_left(START + 30) == "more than 30 s"
    assert progress.time_left(START + 31) == "", "that A takes longer than the rest is known"


def test_a_job_that_failed_is_not_waited_for_unless_it_begins_again() -> None:
    progress = RunProgress({A: job(10)})
    progress.begin(A, START)
    progress.fail([A])
    assert (progress.time_left(START + 3), progress.done) == ("", 0)
    progress.begin(A, START + 5)
    assert progress.time_left(START + 5) == "about 10 s"
