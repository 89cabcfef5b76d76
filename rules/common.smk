# The plan of the study that config.yaml asks for, and what rules share. All logic is in the library.

import os
import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(workflow.basedir) / "scripts"))
# Jobs find the Python that runs Snakemake, also when the environment was not activated; a conda
# environment of `--sdm conda` comes before it.
os.environ.update(PATH=os.pathsep.join([str(Path(sys.executable).parent), os.getenv("PATH", "")]))

from ecslm.common.cli import exit_with
from ecslm.common.errors import InputError
from ecslm.config.loading import load_config
from ecslm.plan.directives import Directives
from ecslm.plan.plan import Plan
from ecslm.plan.report import summary_settings
from ecslm.provenance.run import Run
from ecslm.schemas.paths import BASES, CACHE, TEMPLATES

try:
    PLAN = Plan(load_config(config, TEMPLATES))
    # Jobs that a scheduler starts elsewhere read this file too, while others write results.
    if workflow.is_main_process:
        RUN = Run(PLAN)
        PLAN.check()
        RUN.check()
except InputError as error:
    exit_with(error)

STUDY = PLAN.study.settings
RESULTS = PLAN.study.results


def stated(rule):
    """Inputs, outputs and parameters of a rule, as `ecslm.plan` states them."""
    return Directives(PLAN.rules[rule])


def option(name):
    """The option of an input that not every job of a rule has."""

    def text(wildcards, input):
        return f"--{name} {input[name]}" if input[name] else ""

    return text


def table_resources(wildcards, input):
    """The options of the files that a kind of table reads beside results."""
    return PLAN.rules["render_table"].resource_options(wildcards.table)


def one_of(names):
    """The constraint of a wildcard that stands for one of some names."""
    return "|".join(map(re.escape, names)) or "none"


def begin_run():
    """Keep other runs out of the results folder."""
    try:
        RUN.begin()
    except InputError as error:
        exit_with(error)
