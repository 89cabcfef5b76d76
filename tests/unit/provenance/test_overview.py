"""What a run would do, told on one screen, and what its jobs cost."""

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from support.plans import MODELS, plan
from support.stated_jobs import job_of, jobs_of

from ecslm.common.files import write_json
from ecslm.plan.jobs import versions_in
from ecslm.provenance.overview import cost_in, overview, planned_job
from ecslm.reports.run_display import PlannedJob

GPU, CPU = "NVIDIA Z100", "x86_64 CPU, 2 threads"
RESULTS = "results/shop"
ADAPTER = "adapters/{}/seed-{}/"
PREDICTIONS = "predictions/{}/seed-{}/{}."
ASK = ": `make check` estimates what it can"


def took(path: str, seconds: float, device: str = GPU, **more: Any) -> None:
    write_json(Path(f"{RESULTS}/{path}cost.json"), {"seconds": seconds, "device": device, **more})


def lines_of(models: int = 1) -> list[str]:
    """The overview of a study of one task, of which nothing has been made."""
    some = {f"M{n}": MODELS["Small-EC"] | {"seeds": [0]} for n in range(models)}
    made = plan(tasks=["PM"], baselines=[], models=some)
    return overview(made.name, jobs_of(made)).splitlines()


def test_jobs_stand_under_their_reason_below_what_they_took_on_each_device() -> None:
    jobs = [
        "not built yet",
        "  1 base, 1 adapter, 1 prediction, 15 short jobs; first",
        "  results/bases/Small/manifest.json",
    ]
    first = ["Study shop: 18 of 18 jobs would run", f"  never timed: 1 adapter, 1 prediction{ASK}"]
    assert lines_of()[:-2] == [*first, "", *jobs]
    assert lines_of()[-1].startswith("`python scripts/why.py FILE` explains one")
    took(ADAPTER.format("M0", 0), 5400, "2 x Z100")
    took(PREDICTIONS.format("M0", 0, "PM"), 60, CPU)
    assert lines_of()[1:3] == [
        "  1.5 hours on 2 x Z100, as 1 job last took",
        f"  1.0 minute on {CPU}, as 1 job last took",
    ]
    assert lines_of(models=2)[3] == f"  never timed: 1 adapter, 1 prediction{ASK}"


def test_a_finished_study_takes_one_line() -> None:
    done = [replace(job, due=False) for job in jobs_of(plan(tasks=["PM"]))]
    line = f"Study shop: nothing to do, all {len(done)} jobs are up to date"
    assert overview("shop", done) == line


def test_reasons_of_long_jobs_come_first_and_last_what_follows_from_them() -> None:
    """Two predictions with other settings each, a score with others, and one that only reads."""
    names = ("M0", "M1")
    made = plan(tasks=["PM"], baselines=[], models=dict.fromkeys(names, MODELS["Small"]))
    predicted = job_of(made, "predict", model="M0", seed=0, task="PM").manifest
    jobs = []
    for rule, other in (("score", "resamples"), ("predict", "shots")):
        for name in names:
            one = job_of(made, rule, model=name, seed=0, task="PM")
            now = json.loads(one.params["settings"])
            reads = (predicted,) if (rule, name) == ("score", "M0") else ()
            then = now if reads else now | {other: name}
            origin = {"inputs": {}, "code": one.params["code"], "settings": then}
            versions = versions_in(one.params.get("versions"))
            write_json(Path(one.manifest), {**origin, "versions": versions, "files": {}})
            jobs.append(replace(one, inputs=reads, outputs={}, due=True))
    found = overview("shop", jobs).splitlines()
    words = ["shots: M0", "shots: M1", "resamples: M1", "their inputs are rebuilt"]
    assert [line.partition(" -> ")[0] for line in found[3:-2:2]] == words


# What jobs took


def test_a_job_took_what_its_file_says() -> None:
    adapter = f"{RESULTS}/{ADAPTER.format('Small-EC', 1)}cost.json"
    for seconds, more, expected in (
        (7, {"load_seconds": 2}, 9),
        (60, {"job_seconds": 80}, 80),
        # A training that was killed takes all of its time again.
        (3600, {"job_seconds": 360}, 3600),
    ):
        took(ADAPTER.format("Small-EC", 1), seconds, **more)
        found = cost_in([adapter])
        assert found is not None
        assert (found.total, found.device) == (expected, GPU)
    # Others write down no cost, a file that was cut tells none, and recorded answers took none.
    assert cost_in([]) is None
    for text in ('{"seconds": 1', '{"device": null, "seconds": null}'):
        Path(adapter).write_text(text)
        assert cost_in([adapter]) is None


# What a run's display knows of Snakemake's jobs


def test_a_job_takes_what_it_wrote_down_or_what_snakemake_noted_unless_it_was_adopted() -> None:
    class Files(list[str]):
        """Paths, of which one may have the name `cost`."""

    def planned(rule: str, start: float, end: float, cost: str = "", **key: str) -> PlannedJob:
        outputs = Files(["result.json"])
        if cost:
            outputs.cost = cost  # type: ignore[attr-defined]
        named = SimpleNamespace(name=rule)
        job = SimpleNamespace(rule=named, wildcards_dict=key, output=outputs)
        noted = {"result.json": SimpleNamespace(starttime=start, endtime=end)}
        return planned_job(job, SimpleNamespace(metadata=noted.get), 1.0)

    alike = (("choose_baseline", "", ""), ("choose_baseline", ""), ("choose_baseline",), ("short",))
    found = planned("choose_baseline", 100, 107.5)
    assert found == PlannedJob(7.5, alike, 1.0)
    assert planned("score", 100, 90).seconds is None
    took("", 60, load_seconds=5)
    found = planned("predict", 1, 2, f"{RESULTS}/cost.json", model="Small-EC", task="PM")
    of_model = ("predict", "Small-EC")
    assert (found.seconds, found.likenesses) == (65, ((*of_model, "PM"), of_model, ("predict",)))
