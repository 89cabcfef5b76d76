# What a run prints instead of Snakemake's own output, which is all in Snakemake's log.

import re
import sys

from snakemake.logging import logger

from ecslm.common.text import number_of
from ecslm.provenance.overview import counts_by_kind, planned_job
from ecslm.reports.run_display import RunDisplay, RunProgress

# In a dry run, lists of files and changed parameters take thousands of characters.
LONG = re.compile(r"^( *(?:input|reason|Reason): .{300}).{100,}$", re.MULTILINE)


ASKED = workflow.output_settings
# Snakemake's handler that prints; None if a plugin writes to the terminal.
PRINTING = next((one for one in logger.handlers if one.name == "DefaultStreamHandler"), None)
# Options that ask for what it prints, or for no jobs.
OTHERS = (ASKED.quiet, ASKED.verbose, ASKED.debug_dag, ASKED.printshellcmds, ASKED.dryrun)
REPLACED = None if any(OTHERS) or workflow.touch or not IS_RUN else PRINTING
DISPLAY = RunDisplay(sys.stderr, REPLACED)
if IS_RUN:
    logger.addHandler(DISPLAY)
if REPLACED:
    logger.removeHandler(REPLACED)
elif ASKED.dryrun and PRINTING:
    # What is too long to read is cut; commands stay whole.
    WHOLE = PRINTING.format
    PRINTING.format = lambda record: LONG.sub(r"\1 ...", WHOLE(record))


def begin_display():
    """Show the jobs of the run."""
    # Targets, which make nothing, are no jobs to a reader.
    jobs = {job: job.jobid for job in workflow.dag.jobs if job.output}
    numbers = {job: jobs[job] for job in workflow.dag.needrun_jobs() if job in jobs}
    due = {n: planned_job(job, workflow.persistence, share(job)) for job, n in numbers.items()}
    others = [planned_job(job, workflow.persistence) for job in jobs.keys() - numbers.keys()]
    count = f"{number_of(len(due), 'job')}: {counts_by_kind(numbers)}"
    DISPLAY.begin(f"Study {STUDY.name}: {count}", RunProgress(due, others))


def share(job):
    """The share of the run's cores or GPUs that a job takes, whichever is larger."""
    limits = ((name, workflow.global_resources.get(name)) for name in ("_cores", "gpu"))
    known = [(name, limit.value) for name, limit in limits if limit and limit.value]
    return min(1.0, max((job.resources.get(name, 0) / most for name, most in known), default=0.0))
