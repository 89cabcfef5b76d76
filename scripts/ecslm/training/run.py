"""Train one adapter, from dataset files and a base to the adapter's files and manifest.

Nothing here loads torch: results that are in the cache need neither it nor the device. On several
GPUs one process each trains, a fork of the job, which trains nothing.
"""

import ctypes
import logging
import os
import signal
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from ecslm.common.devices import lease_devices
from ecslm.common.environment import require_locked
from ecslm.common.errors import InputError
from ecslm.common.files import read_json, write_json
from ecslm.common.manifests import made_from, require_unchanged
from ecslm.common.workdir import Outputs, work_folder
from ecslm.models.bases import base_identity
from ecslm.models.manifests import run_fields
from ecslm.models.prompts import PromptTemplate
from ecslm.schemas.record import read_records, share_of
from ecslm.script import Device, OutputFile, job, problems_of
from ecslm.training.settings import AdapterSettings

log = logging.getLogger(__name__)

# prctl(2): the signal that a process gets when the one that started it ends.
PR_SET_PDEATHSIG = 1
# The result of the first of several processes.
FOUND = "found.json"
ADAPTER_FILES = {"config": "adapter_config.json", "weights": "adapter_model.safetensors"}
TIMED_FILES = {"history": "log.jsonl", "cost": "cost.json"}


@job(log=True)
def train_adapter(
    *,
    train: Sequence[Path],
    val: Sequence[Path],
    base: Path,
    template: Path,
    output: OutputFile,
    model: str | None = None,
    template_digest: str | None = None,
    settings: AdapterSettings,
    seed: int = 0,
    device: Device = "cpu",
    threads: int = 2,
    processes: int = 1,
    code: str | None = None,
    checkpoint_seconds: float = 300,
) -> None:
    """Train an adapter; write its files, log.jsonl and cost.json next to `output`, and that last.

    A killed training continues from its last checkpoint when it is run again with the same
    arguments, if `code` is given: otherwise it is unknown whether this code made the checkpoint.
    An adapter that was finished, by any study, is taken from the cache.

    Raises:
        InputError: bad input, a missing device, or libraries that differ from the lock file.

    Args:
        train: dataset files to train on
        val: dataset files for the evaluation loss
        base: manifest.json of the base weights, as results/bases/NAME/manifest.json
        template: Jinja file of the prompt, as in resources/prompts
        output: manifest.json to write, next to the adapter
        model: name of the model, recorded in the manifest
        template_digest: set by a run: digest of the template; another template is refused
        settings: precision, shots and training settings: JSON or @FILE
        seed: seed of initial weights and order of records
        device: where to compute
        threads: CPU threads; the number decides how sums are rounded
        processes: processes that train together, one for each GPU
        code: set by a run: digest of the code, which is recorded; other code refuses to run
        checkpoint_seconds: seconds between checkpoints
    """
    versions = require_locked(settings.libraries)
    # In an order of their own: Snakemake does not compare that of inputs.
    train, val = sorted(train), sorted(val)
    prompt = PromptTemplate(template, template_digest)
    inputs = [*train, *val, base]
    origin = made_from(inputs, settings, code, versions, prompt.sha256)
    identity = base_identity(base)
    fraction = settings.training.train_fraction
    records = {"train": share_of(read_records(*train), fraction), "validation": read_records(*val)}
    for split, rows in records.items():
        if not rows:
            raise InputError(f"training: no {split} records in the given dataset files")
    require_unchanged(origin)

    run = run_fields(model, seed, device, threads, settings.precision)
    if processes > 1:
        # As many sums in another order, and other masks of dropout.
        run["processes"] = processes
    action = {
        "step": "train_adapter",
        "train": [origin["inputs"][str(path)] for path in train],
        "validation": [origin["inputs"][str(path)] for path in val],
        "base": identity,
        "seed": seed,
        "device": device,
        "threads": run["threads"],
        "processes": processes,
    }
    known = {
        "source": identity["name"],
        "revision": identity["revision"],
        "base_sha256": identity["files"],
        **run,
    }
    results, timed = (
        {name: output.parent / file for name, file in files.items()}
        for files in (ADAPTER_FILES, TIMED_FILES)
    )
    with work_folder(Outputs(output, results, timed), action, origin, known) as work:
        if work.restored():
            return
        lease_devices(device, processes)
        log.info("training %s", output.parent.parent.name)
        fit = partial(
            _fit,
            records=records,
            base=base,
            prompt=prompt,
            settings=settings,
            seed=seed,
            device=device,
            threads=threads,
            checkpoint_seconds=checkpoint_seconds,
            work=work.folder,
            count=processes,
        )
        found = fit() if processes == 1 else in_processes(fit, processes)
        files = ADAPTER_FILES | TIMED_FILES
        work.publish({name: work.folder / file for name, file in files.items()}, found)


def _fit(rank: int = 0, place: str = "", **options: Any) -> dict[str, Any]:
    # Loads the libraries that compute.
    from ecslm.training.fit import fit_adapter

    return fit_adapter(rank=rank, place=place, **options)


def in_processes(work: Callable[[int, str], Any], count: int) -> Any:
    """Call a function in `count` forks of this process, which must not have loaded torch yet.

    They inherit its locks, of work and of devices, and end when it does.

    Args:
        work: gets the number of its process, and a place to meet the others, see `join`.

    Returns:
        What the function has returned in the first of them, as JSON has it.

    Raises:
        InputError: one of them failed, and has logged why. The others are then ended, too.
    """
    with tempfile.TemporaryDirectory() as folder:
        given = Path(folder), work, os.getpid()
        fork = get_context("fork").Process
        started = [fork(target=_begin, args=(rank, *given)) for rank in range(count)]
        for process in started:
            process.start()
        try:
            while None in (codes := [one.exitcode for one in started]) and not any(codes):
                time.sleep(0.1)
        finally:
            for process in started:
                process.kill()
                process.join()
        if any(codes):
            fix = "run again to continue from the last checkpoint"
            raise InputError(f"training: one of {count} processes failed, see the log: {fix}")
        return read_json(Path(folder) / FOUND)


def _begin(rank: int, folder: Path, work: Callable[[int, str], Any], parent: int) -> None:
    """Be one of the processes, which the job ends: the first writes the result, all log errors."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    try:
        found = work(rank, str(folder / "place"))
    except Exception as error:
        problems = problems_of(error)
        log.critical("%s", problems or "stopped", exc_info=problems is None)
        os._exit(1)
    if rank == 0:
        write_json(folder / FOUND, found)
