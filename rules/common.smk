# The validated configuration and its plan; functions that rules share. All logic is in the library.

import os
import re
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(workflow.basedir) / "scripts"))
# Jobs find the Python that runs Snakemake, also when the environment was not activated; a conda
# environment of `--sdm conda` comes before it.
os.environ.update(PATH=os.pathsep.join([str(Path(sys.executable).parent), os.getenv("PATH", "")]))

from ecslm.common.cli import exit_with
from ecslm.common.errors import InputError
from ecslm.common.workdir import clear_finished
from ecslm.config.loading import load_config
from ecslm.plan.comparisons import ComparisonPlan
from ecslm.plan.jobs import all_jobs
from ecslm.plan.parameters import code_parameter
from ecslm.plan.report import CARD, ReportPlan
from ecslm.plan.study import BASES, CACHE, TEMPLATES, Plan
from ecslm.provenance.checks import check_local_data, check_source
from ecslm.provenance.code_history import keep_code
from ecslm.provenance.integrity import check_results
from ecslm.provenance.run_lock import leave_folder, own_folder
from ecslm.provenance.snakemake_records import check_custody, unseen_results


def parameter(function, *names):
    """A parameter from wildcards; problems in what it reads end like those of the configuration."""

    def value(wildcards):
        try:
            return function(*(getattr(wildcards, name) for name in names))
        except InputError as error:
            exit_with(error)

    return value


STARTED = time.time()
try:
    PLAN = Plan(load_config(config, TEMPLATES))
    PLAN.check_source()
    COMPARED = ComparisonPlan(PLAN)
    DRAWN = ReportPlan(PLAN)
    DRAWN.check_names()
    JOBS = list(all_jobs(PLAN, DRAWN))
    # Jobs that a scheduler starts elsewhere read this file too, while others write results.
    if workflow.is_main_process:
        unseen = unseen_results(job.manifest for job in JOBS)
        check_custody(PLAN.config.study, JOBS, unseen)
        check_results(JOBS, unseen)
        check_source(PLAN, JOBS)
        check_local_data(PLAN, JOBS)
except InputError as error:
    exit_with(error)

STUDY = PLAN.study
RESULTS = PLAN.results
SUMMARY = DRAWN.summary_settings()


def begin_run():
    """Own the results folder, and note what the code consists of."""
    try:
        own_folder(STARTED)
    except InputError as error:
        exit_with(error)
    keep_code(JOBS)


def end_run():
    """Remove the copies that jobs have kept of results which are recorded now; leave the folder."""
    clear_finished(Path(RESULTS), unseen_results(job.manifest for job in JOBS))
    leave_folder()


def adapter_of(wildcards):
    """The adapter's manifest of a tuned model; nothing for a base as it is."""
    tuned = PLAN.model(wildcards.model).tuned
    return PLAN.adapter(wildcards.model, wildcards.seed) if tuned else []


def bertscore_of(wildcards):
    """BERTScore rows of a generation task; nothing for the others."""
    generates = PLAN.is_generation(wildcards.task)
    return PLAN.bertscore(wildcards.model, wildcards.seed, wildcards.task) if generates else []


def majority_source(wildcards):
    """Training rows for the majority class; the other baselines need none."""
    return PLAN.dataset(wildcards.task, "train") if wildcards.baseline == "majority" else []


def table_options(wildcards, input):
    """Options of the files that this kind of table reads."""
    options = DRAWN.table_resources(wildcards.table)
    return " ".join(f"--{option} {path}" for option, path in options.items())
