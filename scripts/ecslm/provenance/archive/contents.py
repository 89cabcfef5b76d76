"""Selects the results for an archive, after checks that all are there and up to date."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from ecslm.common.errors import InputError, all_of
from ecslm.plan.plan import Plan
from ecslm.provenance.dag import Job, read_dag
from ecslm.provenance.integrity import read_job_manifest
from ecslm.provenance.run import Run
from ecslm.schemas.paths import FETCHED, REPORT_PDF

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


def packed_files(configfiles: Sequence[Path], plan: Plan) -> list[Path]:
    """The files of a finished study, sorted.

    Raises:
        InputError: a result is missing, altered or out of date.
    """
    run, study, pdf = Run(plan), plan.study.name, Path(plan.study.results) / REPORT_PDF
    # The report as a PDF, which is packed if it was made.
    targets = ("all", *([str(pdf)] if pdf.exists() else []))
    with read_dag(configfiles, study, targets) as dag:
        jobs = dag.jobs
    all_of(plan.check, lambda: run.check([job for job in jobs if Path(job.manifest).exists()]))
    if planned := [job for job in jobs if job.due]:
        raise InputError(
            f"{plan.study.results}: {len(planned):,} of {len(jobs):,} jobs are not done, "
            f"or their results are out of date, such as {planned[0].manifest}: run the study "
            f"{study} to its end, then again; `make why STUDY={study}` says what is missing"
        )
    return sorted({path for job in jobs for path in map(Path, _packed(job)) if path.exists()})


def _packed(job: Job) -> Iterator[str]:
    yield job.manifest
    if job.rule == "base_model":
        yield str(Path(job.manifest).parent / Path(FETCHED).name)
    listed = read_job_manifest(job).files
    for path in job.results:
        # Costs and logs are not in the manifest.
        if job.rule not in PROOF_ALONE or Path(path).name not in listed:
            yield path
