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

from ecslm.common import devices, worker
from ecslm.common.locks import DEVICES_VARIABLE

GPUS = ("GPU-a", "GPU-b", "GPU-c")


def do(command: str, *arguments: Any) -> Any:
    """Do what is asked; returns what there is to tell."""
    match command:
        case "take":
            devices.lease_devices("cuda", *arguments)
            return os.environ.get(DEVICES_VARIABLE)
        case "worker":
            one = worker.join({"code": "1"}, lambda: lambda _: os.getpid())
            return one and one.ask("who")
        case "stay":
            return worker._stay_on_devices()
    return dict(os.environ)


def main(folder: str) -> None:
    """Obey until the input ends."""
    install([Gpu(uuid) for uuid in GPUS])
    devices.private_folder = worker.private_folder = lambda: Path(folder)
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(message)s")
    for line in sys.stdin:
        print(json.dumps(do(*json.loads(line))), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
