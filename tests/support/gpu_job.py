"""A job on a machine with GPUs that are not there: it does what it is told, a line at a time.

Argument: the folder of the locks.
"""

import json
import logging
import os
import random
import signal
import sys
import time
from pathlib import Path
from typing import Any

from support.machine import Gpu, install

from ecslm.common import devices, locks, worker
from ecslm.common.locks import DEVICES_VARIABLE

GPUS = ("GPU-a", "GPU-b", "GPU-c")


def hold(folder: Path, chance: random.Random) -> int:
    """Have one or two devices for a moment, or be killed at any; 1 if another had one too."""
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    if chance.random() < 0.3:
        signal.setitimer(signal.ITIMER_REAL, chance.uniform(0.001, 0.05))
    few = [devices.Device(uuid, number, "fake") for number, uuid in enumerate(GPUS)]
    taken = devices.take_devices(few, chance.choice([1, 1, 1, 2]), folder)
    holders = [folder / f"holder-{one.number}" for one in taken]
    for holder in holders:
        holder.write_text(str(os.getpid()))
    time.sleep(chance.uniform(0, 0.02))
    return int(any(holder.read_text() != str(os.getpid()) for holder in holders))


def crowd(jobs: int) -> list[int]:
    """How so many jobs ended, of which eight are there at once."""
    locks.SECONDS_BETWEEN_LOOKS, locks.log.disabled = 0.001, True
    chance, living, ended = random.Random(1), list[int](), list[int]()
    for number in range(jobs + 8):
        if len(living) == 8 or number >= jobs:
            ended.append(os.waitstatus_to_exitcode(os.waitpid(living.pop(0), 0)[1]))
        seed = chance.random()
        if number < jobs and (process := os.fork()) == 0:
            os._exit(hold(devices.private_folder(), random.Random(seed)))
        if number < jobs:
            living.append(process)
    return ended


def do(command: str, *arguments: Any) -> Any:
    """Do what is asked; returns what there is to tell."""
    match command:
        case "take":
            devices.lease_devices("cuda", *arguments, shared=True)
            return os.environ.get(DEVICES_VARIABLE)
        case "worker":
            one = worker.join("code", lambda: lambda _: os.getpid())
            return one and one.ask("who")
        case "crowd":
            return crowd(*arguments)
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
