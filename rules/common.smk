# The study to run, and helpers for the rules. All logic is in the library.

import gc
import os
import re
import sys
from functools import cache, partial
from pathlib import Path
from shlex import join

# What Snakemake has loaded stays, and a plan makes many objects but little garbage: to look for it
# took about a twentieth of the time of a start.
gc.freeze()
gc.set_threshold(100_000, 20, 100)

sys.path.insert(0, str(Path(workflow.basedir) / "scripts"))
# Jobs use the Python that runs Snakemake, even if its environment is not activated; a conda
# environment of `--sdm conda` takes precedence.
os.environ.update(PATH=os.pathsep.join([str(Path(sys.executable).parent), os.getenv("PATH", "")]))
# If this is set, as in many containers, each job compiles torch and all other libraries again: more
# than half the time that a job with a model takes to start.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
# Threads that wait for one another do so in a loop, and on a busy machine take cores from threads
# that compute. After this many rounds they sleep; benchmarks/waiting.py measures the effect.
if "OMP_WAIT_POLICY" not in os.environ:
    os.environ.setdefault("GOMP_SPINCOUNT", "10000")

from snakemake.persistence import PersistenceBase

from ecslm.common.errors import InputError
from ecslm.common.locks import RUN_VARIABLE
from ecslm.config.loading import read_config
from ecslm.plan import comparisons, jobs
from ecslm.plan.checks import check_named_files
from ecslm.plan.requests import requests_of
from ecslm.plan.study import Study
from ecslm.provenance.dag import is_read
from ecslm.provenance.run import Run
from ecslm.schemas.paths import TEMPLATES
from ecslm.schemas.task import CONFIG_FILE
from ecslm.script import problems_told

# Parameters are texts here. Snakemake would import pandas, which takes as long as to build the
# graph, to ask whether one is a table.
if hasattr(PersistenceBase, "_serialize_param_builtin"):
    PersistenceBase._serialize_param = PersistenceBase._serialize_param_builtin

# Not in jobs that a scheduler starts: they also read this file, while others write results. Nor
# where the graph is read to look at it.
IS_RUN = workflow.is_main_process and not is_read()


with problems_told():
    # Read here, since Snakemake reports neither the line of a problem nor keys that are given
    # twice.
    FILES = list(workflow.overwrite_configfiles)
    if not workflow.config_settings.replace_workflow_config:
        FILES.insert(0, CONFIG_FILE)
    STUDY = Study(*read_config(FILES, TEMPLATES, workflow.config_settings.config))
    if IS_RUN:
        RUN = Run(STUDY)
        check_named_files(STUDY)

# For Snakemake's own reports.
workflow.configfiles.append(CONFIG_FILE)
# Jobs of this run share a loaded model. Each job that a scheduler starts counts as its own run.
os.environ[RUN_VARIABLE] = str(os.getpid())


pathvars:
    # Of the study: where `<results>` stands in a path.
    results=STUDY.results,


# Parameters: see plan/jobs.py, whose functions take the study and wildcards.
# `made_by(script, settings)` gives a rule `settings`, `code` and `versions`.


per_job = partial(jobs.per_job, STUDY)
made_by = partial(jobs.made_by, STUDY)
prompt = per_job(jobs.prompt)
content = per_job(jobs.base_content)


def gathered_by(script, settings):
    """Those of a script that finds its files in the study's results: a folder, as a function, since
    Snakemake's linter takes a constant for a part of a path that is stated twice."""
    return {**made_by(script, settings), "results": lambda wildcards: STUDY.results}


# Options of scripts that only some jobs have. Functions that take `input` or `resources` give them,
# since Snakemake does not compare what these return.


def options(**values):
    """Command-line options by name, of those values, a text or a list of them, that are there."""
    given = {name: [one] if isinstance(one, str) else one for name, one in values.items() if one}
    return " ".join(f"--{name.replace('_', '-')} {join(texts)}" for name, texts in given.items())


# Inputs


def of_study(paths):
    """Files of the study, by their paths in its folder of results."""
    return [f"<results>/{path}" for path in paths]


def base_of(wildcards):
    """The weights of a model, if they are here: its base, or the export that is served."""
    return STUDY.weights(wildcards.model) or []


def adapter_of(wildcards):
    """The adapter that a model answers with, if any: its own, or that of another row. Where no seed
    is named, that of the first."""
    trained = STUDY.adapter_name(wildcards.model)
    seed = wildcards.get("seed", STUDY.first_seed(wildcards.model))
    return [] if trained is None else f"<results>/adapters/{trained}/seed-{seed}/manifest.json"


def learns(job):
    """Whether a model learns from the records of a task when it predicts."""
    return STUDY.model(job.model).learns


# Outputs


def timed(path):
    """An output with measured times, which the manifest of the results does not list."""
    return flag(path, "timed")


def shown(path, category, caption, **labels):
    """An output that is in Snakemake's own reports."""
    caption = f"../report/captions/{caption}.rst"
    return report(path, caption=caption, category=category, labels=labels)


def files_of(*names):
    """All files that the jobs of some rules make."""
    return [
        str(path).format(**job)
        for name in names
        for path in getattr(rules, name).output
        for job in JOBS[name]
    ]


def each(wildcard, values):
    """A job for each value of a wildcard."""
    return [{wildcard: value} for value in values]


# Resources


def request(rule):
    """What a job of a rule that runs a model asks a scheduler for, MiB and minutes, whatever its
    seed; and its device, its prompt template if it has one, and its threads."""

    @cache
    def needed(model, task):
        with problems_told():
            return requests_of(STUDY).request(rule, {"model": model, "task": task})

    return {
        "mem_mb": lambda job: needed(job.model, job.get("task"))[0],
        "runtime": lambda job: needed(job.model, job.get("task"))[1],
        "device": STUDY.settings.device,
        "template": lambda job: STUDY.template(job.model) or "",
        # Not {threads}, which `--cores` caps.
        "model_threads": STUDY.settings.threads,
    }


def model_by_model(wildcards):
    """The priority that runs one model and seed after the other, so that each is loaded once."""
    seed = wildcards.get("seed", str(STUDY.first_seed(wildcards.model)))
    return STUDY.priorities[wildcards.model, seed]


def whole_machine(wildcards):
    """All cores that the run may use on this machine; on a cluster, those of any other job."""
    here = workflow.resource_settings.cores if workflow.local_exec else None
    return max(STUDY.settings.threads, here or 1)


def of_backend(resource, wildcards):
    """How much of a resource, `gpu` or `api`, a model's backend needs for answers."""
    return STUDY.model(wildcards.model).resources.get(resource, 0)
