"""Selects the results for an archive, after checks that all are there and up to date."""

from collections.abc import Iterator
from pathlib import Path

from ecslm.common.equal_code import EQUAL
from ecslm.common.errors import InputError, all_of
from ecslm.plan.plan import Plan
from ecslm.plan.rules import Job
from ecslm.provenance.history import History
from ecslm.provenance.overview import Overview
from ecslm.provenance.run import Run

# Of jobs of these rules only manifests and costs are packed, and why.
PROOF_ALONE = {
    "base_model": "weights have licences of their own, some of which forbid passing them on",
    "train_adapter": "weights made from those of a base",
    "export_model": "weights of a base, with an adapter in them",
    "model_card": "belongs to an exported model",
    "dataset": "records have the licence of the data",
    "fetch_answers": "answers of others, who have not allowed passing them on",
    "predict": "each prediction has the reference of its record",
    "bertscore": "large, and computed from predictions",
}
PDF = "report_pdf"


def packed_files(plan: Plan) -> list[Path]:
    """The files of a finished study, sorted.

    Raises:
        InputError: a result is missing, altered or out of date.
    """
    all_of(plan.check, Run(plan).check)
    overview = Overview.of(plan)
    study = plan.study.name
    if planned := overview.planned:
        raise InputError(
            f"{plan.study.results}: {len(planned):,} of {len(overview.jobs):,} jobs are not done, "
            f"or their results are out of date, such as {planned[0].manifest}: run the study "
            f"{study} to its end, then again; `make why STUDY={study}` says what is missing"
        )
    jobs = [*overview.jobs, *_pdf(plan, History(study, plan.jobs))]
    packed = {path for job in jobs for path in map(Path, _packed(job)) if path.exists()}
    # Which code was accepted as equal to that of a manifest, and by what evidence.
    return sorted({*packed, *EQUAL.glob("*.json")})


def _pdf(plan: Plan, history: History) -> Iterator[Job]:
    """The report as a PDF, which is packed if it was made."""
    for job in plan.jobs:
        if job.rule == PDF and Path(job.manifest).exists():
            if history.stale(job):
                raise InputError(
                    f"{job.results[0]}: out of date: run the study {plan.study.name} with the "
                    f"target `report` (`-- report`), or `rm {job.results[0]} {job.manifest}`"
                )
            yield job


def _packed(job: Job) -> Iterator[str]:
    yield job.manifest
    yield from job.timed
    if job.made_by is not None:
        yield job.made_by
    if job.rule not in PROOF_ALONE:
        yield from job.results
