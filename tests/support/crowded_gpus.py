"""Many jobs want few GPUs, and are killed at random: prints when each had which.

Arguments: the folder of the locks, and how many jobs there are in all.
"""

import json
import os
import random
import signal
import sys
import time
from pathlib import Path
from typing import Any

from ecslm.common import locks
from ecslm.common.devices import Device, take_devices

GPUS = [Device(f"GPU-{letter}", n, "fake") for n, letter in enumerate("abc")]
AT_ONCE = 8
SECONDS_HELD = 0.02


def say(**what: Any) -> None:
    """Print a line at once: the process may be killed at any moment."""
    os.write(1, json.dumps({**what, "at": time.monotonic_ns()}).encode() + b"\n")


def job(folder: Path, chance: random.Random) -> None:
    """Have one or two devices for a moment."""
    count = chance.choice([1, 1, 1, 2])
    for device in take_devices(GPUS, count, folder, ""):
        say(begins=os.getpid(), device=device.number)
    time.sleep(chance.uniform(0, SECONDS_HELD))
    killed = chance.random() < 0.2
    say(ends=os.getpid(), killed=killed)
    if killed:
        os.kill(os.getpid(), signal.SIGKILL)


def main(folder: str, jobs: str) -> None:
    """Keep so many jobs going until all have ended; some are killed, at any moment of theirs."""
    locks.SECONDS_BETWEEN_LOOKS = 0.001
    locks.log.disabled = True
    chance, waiting, living = random.Random(1), int(jobs), set[int]()
    victims: dict[int, float] = {}
    while waiting or living:
        while waiting and len(living) < AT_ONCE:
            waiting -= 1
            seed = chance.random()
            process = os.fork()
            if process == 0:
                job(Path(folder), random.Random(seed))
                os._exit(0)
            living.add(process)
            if chance.random() < 0.2:
                victims[process] = time.monotonic() + chance.uniform(0, 4 * SECONDS_HELD)
        for process in [one for one in victims if victims[one] < time.monotonic()]:
            del victims[process]
            # Before it: until then the job may have been alive.
            say(ends=process, killed=True)
            os.kill(process, signal.SIGKILL)
        time.sleep(chance.uniform(0, SECONDS_HELD / 4))
        while living and (ended := os.waitpid(-1, os.WNOHANG)[0]):
            living.remove(ended)
            victims.pop(ended, None)


if __name__ == "__main__":
    main(*sys.argv[1:])
