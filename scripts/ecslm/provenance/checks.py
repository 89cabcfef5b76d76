"""Checks before a run that its jobs could do their work here: the folder of results, disks, GPUs,
keys of servers."""

import errno
import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from tqdm import tqdm

from ecslm.common.devices import list_devices, usable_devices
from ecslm.common.errors import InputError, Problem, refuse
from ecslm.common.locks import DEVICES_VARIABLE
from ecslm.config.models import OpenAIModel
from ecslm.estimates.sizes import FILE_BYTES, FLOAT, TYPE_BYTES
from ecslm.families.openai.backend import AnswerCache
from ecslm.models.bases import PathSource
from ecslm.plan.requests import requests_of
from ecslm.plan.study import Study
from ecslm.provenance.dag import Job
from ecslm.schemas.paths import CACHE, TOP

# Snakemake's folder of its own.
SNAKEMAKE = Path(".snakemake")


def check_results_folder() -> None:
    """Refuse a place where no results can be kept, before anything is read from it.

    Raises:
        InputError: `results`, its cache, or Snakemake's folder, is no folder, or leads nowhere.
        PermissionError: it may not be read or written.
    """
    for path in filter(os.path.lexists, (TOP, CACHE, SNAKEMAKE, SNAKEMAKE / "metadata")):
        if not path.is_dir():
            told = "no folder, nor a link to one that is here: move it away, or mount its disk"
            raise InputError(Problem(told, path))
        if not os.access(path, os.R_OK | os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, "", str(path))


def check_disk(study: Study, due: Iterable[Job]) -> tuple[int, int]:
    """Refuse to start jobs whose results do not fit on the disk of `results`.

    Counted are the weights that jobs are sure to write, so that no run is refused that could
    finish. Predictions, scores and tables are small beside these.

    Returns:
        the bytes that are needed, and that are free.

    Raises:
        InputError: there is less room than the jobs are sure to need.
    """
    needed = sum(_bytes_of(job, study) for job in due)
    free = shutil.disk_usage(TOP if TOP.exists() else ".").free
    if needed > free:
        raise InputError(
            f"{TOP}: {size_text(free)} are free on this disk, but the adapters and weights of this "
            f"run need at least {size_text(needed)}: make room, or move it and link it here"
        )
    return needed, free


def _bytes_of(job: Job, study: Study) -> int:
    """Bytes of the matrices that a job leaves, as far as they are known."""
    if job.rule not in ("base_model", "train_adapter", "export_model"):
        return 0
    model = study.local_models.get(job.key.get("model", ""))
    base = job.key["base"] if model is None else model.base
    sizes = requests_of(study).sizes(base)
    if sizes is None or (model is None and isinstance(study.config.bases[base], PathSource)):
        return 0
    if model is not None and job.rule == "train_adapter" and model.training is not None:
        return FLOAT * sum(sizes.updates(model.training.rank, model.training.target_modules))
    # The head may be the embedding; other weights of matrices, each once.
    size = FILE_BYTES if model is None else TYPE_BYTES[model.precision.dtype]
    return size * sizes.multiplied


def size_text(count: int) -> str:
    """Bytes in the unit that suits them."""
    return f"{tqdm.format_sizeof(count, divisor=1000)}B"


def check_gpus(needs: Iterable[tuple[int, str | None]], limit: int | None, here: bool) -> None:
    """Refuse to start jobs that could not run, or that would all run at once.

    Where there is no driver, the jobs say so.

    Args:
        needs: GPUs and device of each job that is due; on a CPU a job counts as one GPU where
            models run one at a time.
        limit: of the GPUs that jobs may use at once; None if there is none.
        here: whether this machine runs the jobs.

    Raises:
        InputError: there is no limit, or it is less than a job asks for; or there are fewer GPUs
            than a job asks for.
    """
    asked = [(count, device) for count, device in needs if count > 0]
    # The lease keeps jobs on GPUs apart; in the memory of this machine nothing but the limit does.
    if limit is None and here and any(device != "cuda" for _, device in asked):
        raise InputError(
            "--resources without gpu: jobs of this run would load their models all at once: set "
            "gpu=1, which counts on a CPU too"
        )
    most = max((count for count, _ in asked), default=0)
    if limit is not None and most > limit:
        raise InputError(
            f"--resources gpu={limit}: a job of this run takes {most} (`gpus` of the study, on "
            f"a CPU 1): set gpu={most}, there or in the profile, or fewer `gpus`"
        )
    on_gpus = [count for count, device in asked if device == "cuda"]
    if on_gpus and here and (present := list_devices()):
        usable_devices(present, os.environ.get(DEVICES_VARIABLE), max(on_gpus))


def check_api_keys(study: Study, due: Iterable[Job]) -> None:
    """Refuse to start jobs that will ask a server if the environment lacks its key.

    Where answers of the server are kept, all that are needed may be among them: a job that misses
    one then reports the missing key itself.

    Raises:
        InputError: a line for each model whose variable is not set.
    """
    problems: list[str] = []
    for name in dict.fromkeys(job.key["model"] for job in due if job.rule == "predict"):
        model = study.settings.models.get(name)
        if not isinstance(model, OpenAIModel) or not (key := model.access.key):
            continue
        kept = model.server and AnswerCache(model.server).answers()
        if not os.environ.get(key, "").strip() and not kept:
            problems.append(
                f"the environment variable {key} is not set, but needed to ask {name}: set it "
                "to the key, or remove `key` from `access` if the server needs none"
            )
    refuse(problems)
