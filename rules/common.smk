# The plan of the study to run, and helpers for the rules. All logic is in the library.

import os
import re
import sys
from pathlib import Path
from shlex import join, quote

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

from ecslm.common.cli import exit_with
from ecslm.common.errors import InputError
from ecslm.common.worker.place import RUN_VARIABLE, this_run
from ecslm.config.loading import read_config
from ecslm.data.location import location
from ecslm.plan.directives import directives
from ecslm.plan.plan import Plan
from ecslm.plan.stages.report import study_summary
from ecslm.plan.study_tables import study_tables
from ecslm.provenance.dag import is_read, made_jobs
from ecslm.provenance.gpus import GpuNeed, check_gpus
from ecslm.provenance.integrity import check_bases, check_weights
from ecslm.provenance.results_folder import os_errors_told
from ecslm.provenance.run import Run
from ecslm.provenance.triggers import check_triggers
from ecslm.schemas.paths import BASES, CACHE, TEMPLATES
from ecslm.schemas.registry import CONFIG_FILE

# Not in jobs that a scheduler starts: they also read this file, while others write results. Nor
# where the graph is read to look at it.
IS_RUN = workflow.is_main_process and not is_read()

try:
    # Read here, since Snakemake reports neither the line of a problem nor keys that are given
    # twice.
    FILES = list(workflow.overwrite_configfiles)
    if not workflow.config_settings.replace_workflow_config:
        FILES.insert(0, CONFIG_FILE)
    with os_errors_told():
        PLAN = Plan(read_config(FILES, None, TEMPLATES, workflow.config_settings.config))
        if IS_RUN:
            RUN = Run(PLAN)
            PLAN.check()
except InputError as error:
    exit_with(error)

STUDY = PLAN.study.settings
RESULTS = PLAN.study.results
# Of all models.
SEEDS = sorted({0, *(seed for model in STUDY.models.values() for seed in model.seeds)})
# Jobs of this run share a loaded model. Each job that a scheduler starts counts as its own run.
os.environ[RUN_VARIABLE] = this_run()


def planned(rule):
    """Inputs, outputs and parameters of a rule, from its plan in `ecslm.plan`."""
    return directives(PLAN.rules[rule])


def targets(*rules):
    """All files that some rules make, as the input of a target."""
    files = PLAN.targets(*rules)
    of_bases = "base_model" in rules

    def wanted(wildcards):
        # Here, since `onstart` does not run when Snakemake finds nothing to do.
        if not IS_RUN:
            return files
        try:
            check_run_triggers()
            if of_bases:
                check_weights(MADE)
            else:
                check_bases(PLAN.study.name, MADE, PLAN.targets("base_model"))
        except InputError as error:
            exit_with(error)
        return files

    return wanted


def check_run_triggers():
    """Refuse triggers that would miss changes; jobs that a scheduler starts need no check."""
    if IS_RUN:
        check_triggers(str(one) for one in workflow.rerun_triggers)


def check_made():
    """The jobs whose results exist, after a check of these; all rules must be known."""
    # Studies share bases; those of others are not checked.
    own = {RESULTS, *(str(Path(base).parent) for base in PLAN.targets("base_model"))}
    made = tuple(made_jobs(workflow.rules, map(Path, sorted(own))))
    try:
        RUN.check(made)
    except InputError as error:
        exit_with(error)
    return made


def option(name):
    """The command-line option of an input that only some jobs of a rule have."""

    def text(wildcards, input):
        files = [input[name]] if isinstance(input[name], str) else input[name]
        return f"--{name} {join(files)}" if files else ""

    return text


def adapter_options(wildcards, input):
    """The command-line options of the adapter of a prediction job that has one."""
    if not input.adapter:
        return ""
    trained = PLAN.study.model(wildcards.model).adapter_name(wildcards.model)
    other = "" if trained == wildcards.model else f" --adapter-of {trained}"
    return f"--adapter {input.adapter}{other}"


def prompt_options(wildcards, resources):
    """The command-line options of the prompt template of a prediction job that has one.

    Since it takes the parameter `resources`, Snakemake does not compare the path between runs.
    """
    if not resources.template:
        return ""
    digest = planned("predict").template(wildcards)
    return f"--template {resources.template} --template-digest {digest}"


def access_option(wildcards, resources):
    """The command-line option that says how a server is reached, which changes no answer.

    Since it takes the parameter `resources`, Snakemake does not compare it between runs.
    """
    return f"--access {quote(resources.access)}" if resources.access else ""


def weights_content(wildcards, input):
    """The command-line option of a base that only its content identifies: a local directory.

    Since it takes the parameter `input`, Snakemake does not compare it a second time.
    """
    content = planned("base_model").content(wildcards)
    return f"--content {content}" if content else ""


def table_resources(wildcards, input):
    """The command-line options of the repository's files that a kind of table reads.

    They are inputs already: since it takes the parameter `input`, Snakemake does not compare them a
    second time.
    """
    return PLAN.rules["render_table"].resource_options(wildcards.table)


def model_by_model(wildcards):
    """The priority that runs one model and seed after the other, so that each is loaded once."""
    return PLAN.study.priority(wildcards.model, wildcards.get("seed", first_seed(wildcards)))


def first_seed(wildcards):
    """The seed of a model whose latency is measured."""
    return str(STUDY.models[wildcards.model].seeds[0])


def whole_machine(wildcards):
    """All cores that the run may use on this machine; on a cluster, those of any other job."""
    here = workflow.resource_settings.cores if workflow.local_exec else None
    return max(STUDY.threads, here or 1)


def one_of(names):
    """A wildcard constraint: one of the names."""
    return "|".join(map(re.escape, names)) or "none"


def check_machine():
    """Refuse a run whose jobs request more GPUs than the machine or a limit of the run allows."""
    limit = workflow.global_resources.get("gpu").value
    needs = map(gpu_need, workflow.dag.needrun_jobs())
    check_gpus(needs, limit, here=workflow.local_exec)


def gpu_need(job):
    """The GPUs that a job requests, before a limit caps them."""
    asked = job.rule.resources.get("gpu")
    own = asked.is_evaluable()
    count = planned(job.rule.name).resource("gpu")(job.wildcards) if own else asked.value
    return GpuNeed(count or 0, job.resources.get("device"))


def begin_run():
    """Keep other runs out of the results directory, and check machine and disk."""
    # Snakemake 9 starts a timer of a second at each decision, whose end is a decision again: after
    # 100 jobs it decides 100 times a second, which takes a fifth of a core from a training.
    workflow.scheduler.job_rate_limiter = None
    due = {str(path) for job in workflow.dag.needrun_jobs() for path in job.output}
    try:
        check_run_triggers()
        RUN.begin(due, check_machine)
    except InputError as error:
        exit_with(error)


def end_run():
    """Show the scores, and let other runs in."""
    try:
        # There is none after a run of the target `bases`.
        if Path(RESULTS).is_dir():
            print(study_summary(PLAN.study))
        RUN.end()
    except InputError as error:
        exit_with(error)
