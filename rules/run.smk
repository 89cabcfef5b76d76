# What a run does before its first job and after its last one.

from ecslm.plan.report import study_summary
from ecslm.provenance.checks import check_gpus
from ecslm.provenance.dag import Dag, made_jobs
from ecslm.provenance.results import check_bases
from ecslm.schemas.paths import BASES

# What tells of edits: commands, files that are read, their dates and content, and settings, code and
# versions.
TRIGGERS = {"code", "input", "mtime", "params"}


def check_made():
    """The jobs whose results exist, after a check of these; all rules must be known."""
    # Studies share bases; those of others are not checked.
    own = (STUDY.results, *(f"{BASES}/{base}" for base in STUDY.bases))
    made = tuple(made_jobs(workflow.rules, map(Path, sorted(own))))
    with problems_told():
        RUN.check(made)
    return made


def check_triggers():
    """Refuse a run that would pass over edits."""
    if not TRIGGERS <= set(map(str, workflow.rerun_triggers)):
        fix = f"leave it out, or name {' '.join(sorted(TRIGGERS))}"
        raise InputError(f"--rerun-triggers: edits would be ignored: {fix}")


def targets(*names):
    """All files that some rules make, as the input of a target: whichever of them is missing, its
    job runs again."""

    def wanted(wildcards):
        # Here, since `onstart` does not run when Snakemake finds nothing to do.
        with problems_told():
            if IS_RUN:
                check_triggers()
            if IS_RUN and "base_model" not in names:
                check_bases(STUDY.name, MADE, files_of("base_model"))
            if not STUDY.tuned_models and set(workflow.dag_settings.targets) == {"export"}:
                fix = "give a model `training`, or name a study that has one"
                raise InputError(f"export: no model of study {STUDY.name} is tuned: {fix}")
        return files_of(*names)

    return wanted


def check_machine():
    """Refuse a run whose jobs request more GPUs than the machine or a limit of the run allows."""
    limit = workflow.global_resources.get("gpu").value
    needs = map(gpu_need, workflow.dag.needrun_jobs())
    check_gpus(needs, limit, here=workflow.local_exec)


def gpu_need(job):
    """The GPUs that a job requests, before a limit caps them, and its device."""
    asked = job.rule.resources.get("gpu")
    count = of_backend("gpu", job.wildcards) if asked.is_evaluable() else asked.value
    return count or 0, job.resources.get("device")


def begin_run():
    """Keep other runs out of the results directory, and check machine and disk."""
    # Snakemake 9 starts a timer of a second at each decision, whose end is a decision again: after
    # 100 jobs it decides 100 times a second, which takes a fifth of a core from a training.
    workflow.scheduler.job_rate_limiter = None
    due = [job for job in Dag(workflow).jobs if job.due]
    with problems_told():
        # Also of a run that names files instead of targets.
        check_triggers()
        RUN.begin(due, check_machine)


def end_run():
    """Show the scores, and let other runs in."""
    with problems_told():
        # After other runs, some scores may be out of date.
        if {"all", "metrics", "tables", "report"} & {job.rule.name for job in workflow.dag.jobs}:
            print(study_summary(STUDY))
        RUN.end()
