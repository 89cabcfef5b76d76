"""A job on a machine with GPUs that are not there: it does what it is told, a line at a time.

Argument: the folder of the locks.
"""

import json
import logging
import os
import sys
from pathlib import Path
from typing import Any

from support.machine import Gpu, install

from ecslm.common.devices import lease
from ecslm.common.worker import client
from ecslm.common.worker.place import DEVICES_VARIABLE

GPUS = ("GPU-a", "GPU-b", "GPU-c")


class Session:
    """Tells in which process it answers."""

    def answer(self, _message: Any) -> int:
        """The number of the process."""
        return os.getpid()


def do(command: str, *arguments: Any) -> Any:
    """Do what is asked; returns what there is to tell."""
    match command:
        case "take":
            lease.lease_devices("cuda", *arguments)
            return os.environ.get(DEVICES_VARIABLE)
        case "worker":
            channel = client.join({"code": "1"}, Session)
            return None if channel is None else client.ask(channel, "who")
        case "stay":
            return client._stay_on_devices()
    return dict(os.environ)


def main(folder: str) -> None:
    """Obey until the input ends."""
    install([Gpu(uuid) for uuid in GPUS])
    lease.private_folder = client.private_folder = lambda: Path(folder)
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(message)s")
    for line in sys.stdin:
        print(json.dumps(do(*json.loads(line))), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
