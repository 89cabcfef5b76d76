"""What a job would lack on a node of a cluster, found out there by a short job."""

import os
from collections.abc import Iterator
from pathlib import Path

from ecslm.common.errors import InputError
from ecslm.common.locks import lock
from ecslm.preflight.drivers import cuda_of_torch, read_driver

# In the folder that both sides should see; held on the other side.
LOCK = "lock"


def problems_here(folder: Path, on_gpu: bool) -> Iterator[str]:
    """What a job lacks on this machine, a node.

    Args:
        folder: where the other side holds a lock.
        on_gpu: whether jobs run models on GPUs.

    Raises:
        InputError: there is a driver, but it does not answer.
    """
    results = folder.parent.resolve()
    if not (folder / LOCK).is_file():
        yield (
            f"{results} is another folder there than here: put it where nodes and this machine see "
            "the same files, not on a node's own disk"
        )
    else:
        try:
            if (taken := lock(folder / LOCK)) is not None:
                os.close(taken)
                yield (
                    f"it could take a lock below {results} that this machine holds: use a folder "
                    "whose locks hold on all nodes (NFS without `nolock` and `local_lock`, Lustre "
                    "with `flock`), or two runs could train the same adapter at once"
                )
        except InputError as problems:
            yield from problems.problems
        except OSError as error:
            yield f"files below {results} cannot be written and locked there ({error.strerror})"
    if on_gpu:
        driver = read_driver()
        if driver is None or not driver.gpus:
            yield "a job sees no NVIDIA GPU there: choose a partition that has some"
        elif why := driver.problem(cuda_of_torch()):
            yield f"NVIDIA driver: {why}"
