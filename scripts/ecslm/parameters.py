"""How a job's parameter is written: as one string, canonical JSON or a value with a prefix.

Snakemake compares the values of a job's parameters as a set, so this alone tells two parameters
apart.
"""

from pydantic import BaseModel

from ecslm.bertscore_settings import LIBRARIES as BERTSCORE_LIBRARIES
from ecslm.files import canonical_json, lock_versions
from ecslm.fingerprint import code_digest
from ecslm.generation.settings import LIBRARIES as PREDICTION_LIBRARIES
from ecslm.scoring import LIBRARIES as SCORING_LIBRARIES
from ecslm.training.settings import LIBRARIES as TRAINING_LIBRARIES

# By rule: the libraries whose versions can change its results.
LIBRARIES = {
    "train_adapter": TRAINING_LIBRARIES,
    "predict": PREDICTION_LIBRARIES,
    "bertscore": BERTSCORE_LIBRARIES,
    "score": SCORING_LIBRARIES,
}


def json_parameter(settings: BaseModel) -> str:
    """Validated settings, as a script's `--settings` takes them."""
    return canonical_json(settings.model_dump(mode="json"))


def code_parameter(script: str, *modules: str) -> str:
    """Digest of a script's code, with the modules that it loads by name."""
    return f"code:{code_digest(script, modules)}"


def library_versions(rule: str) -> str:
    """Locked versions of a rule's libraries, a key of `LIBRARIES`."""
    return f"versions:{canonical_json(lock_versions(LIBRARIES[rule]))}"
