# What a run prints instead of Snakemake's own output, which is all in Snakemake's log.

import sys

from snakemake.common import NOTHING_TO_BE_DONE_MSG
from snakemake.logging import logger

from ecslm.common.logs import SHOWN
from ecslm.provenance.dag import Dag
from ecslm.provenance.disk import free_space
from ecslm.provenance.planned_jobs import planned_jobs
from ecslm.provenance.unknown_targets import about_target
from ecslm.reports.last_words import LastWords
from ecslm.reports.run_display import RunDisplay
from ecslm.reports.run_progress import JobKey

# Messages that are shown although Snakemake logs them at the level of details of jobs.
ANSWERS = (
    NOTHING_TO_BE_DONE_MSG,
    "Terminating processes on user request, this might take some time.",
)


def new_display():
    """The display of this run; None if no jobs run, or if options ask for other output."""
    asked = workflow.output_settings
    other = (asked.quiet, asked.verbose, asked.debug_dag, asked.printshellcmds, asked.dryrun)
    # If a plugin writes to the terminal, Snakemake's own handler is missing.
    usual = next((one for one in logger.handlers if one.name == "DefaultStreamHandler"), None)
    if not usual or any(other) or workflow.touch or not IS_RUN:
        return None
    display = RunDisplay(usual, ANSWERS)
    logger.removeHandler(usual)
    logger.addHandler(display)
    os.environ[SHOWN] = "yes"
    return display


def about(target):
    """What is wrong with a target that no rule makes."""
    named = [rule.name for rule in workflow.rules if not rule.has_wildcards()]
    return about_target(
        PLAN.study.name, PLAN.study.config.studies, named, Dag(workflow).written, target
    )


DISPLAY = new_display()
LAST_WORDS = LastWords(sys.stderr, about, free_space)
if IS_RUN:
    logger.addHandler(LAST_WORDS)


def begin_display():
    """Show the jobs of the run."""
    if DISPLAY:
        due = {
            JobKey.of(job.rule.name, job.wildcards_dict): shares(job)
            for job in workflow.dag.needrun_jobs()
        }
        DISPLAY.begin(*planned_jobs(PLAN, Dag(workflow).jobs, due))


def shares(job):
    """The share of the run's cores and GPUs that a job takes."""
    limits = {name: workflow.global_resources.get(name) for name in ("_cores", "gpu")}
    return {
        name: min(1.0, job.resources.get(name, 0) / limit.value)
        for name, limit in limits.items()
        if limit and limit.value
    }


def end_display():
    """Stop showing jobs."""
    if DISPLAY:
        DISPLAY.end()
