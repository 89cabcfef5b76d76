"""A job on a machine with GPUs that are not there: it does what it is told, a line at a time.

Arguments: the folder of the locks, and the UUIDs of the GPUs, separated by commas.
"""

import json
import logging
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from support.machine import Gpu, install

from ecslm.common.devices import lease
from ecslm.common.errors import InputError
from ecslm.common.worker import client
from ecslm.common.worker.client import ask, join
from ecslm.common.worker.place import DEVICES_VARIABLE


class Session:
    """Tells in which process it answers."""

    def answer(self, _message: Any) -> int:
        """The number of the process."""
        return os.getpid()


def take(count: int) -> str | None:
    """Lease devices; returns what CUDA is shown."""
    lease.lease_devices("cuda", count)
    return os.environ.get(DEVICES_VARIABLE)


def worker() -> int | None:
    """The number of the run's worker for the visible devices, which this job starts or joins."""
    channel = join({"code": "1"}, Session)
    return None if channel is None else int(ask(channel, "who"))


COMMANDS: dict[str, Callable[..., Any]] = {
    "take": take,
    "worker": worker,
    "stay": client._stay_on_devices,
    "environment": lambda: dict(os.environ),
}


def main(folder: str, gpus: str) -> None:
    """Obey until the input ends."""
    install([Gpu(uuid) for uuid in gpus.split(",")] if gpus else [])
    lease.private_folder = client.private_folder = lambda: Path(folder)
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(message)s")
    for line in sys.stdin:
        name, *arguments = json.loads(line)
        try:
            print(json.dumps({"value": COMMANDS[name](*arguments)}), flush=True)
        except InputError as error:
            print(json.dumps({"problems": error.problems}), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
