# The validated configuration and its plan; functions that rules share. All logic is in the library.

import os
import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(workflow.basedir) / "scripts"))
# Jobs find the Python that runs Snakemake, also when the environment was not activated; a conda
# environment of `--sdm conda` comes before it.
os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])

from ecslm import plan as plans
from ecslm.config import load_config
from ecslm.files import InputError


def stop(error):
    """End with one line per problem instead of a traceback."""
    for problem in error.problems:
        print(f"error: {problem}", file=sys.stderr)
    sys.exit(1)


def parameter(function, *names):
    """A parameter from wildcards; problems in what it reads end like those of the configuration."""

    def value(wildcards):
        try:
            return function(*(getattr(wildcards, name) for name in names))
        except InputError as error:
            stop(error)

    return value


try:
    PLAN = plans.Plan(load_config(config, plans.TEMPLATES))
except InputError as error:
    stop(error)

STUDY = PLAN.study
RESULTS = PLAN.results
