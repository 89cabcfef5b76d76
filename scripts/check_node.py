"""Say what a job of a run would lack on this machine: what `check_study.py` runs on a node.

It prints one line of JSON.
"""

import json
from collections.abc import Sequence
from pathlib import Path

from ecslm.preflight.slurm import problems_here
from ecslm.script import run_script


def main(folder: Path, variable: Sequence[str] = (), driver: bool = False) -> None:
    """
    Args:
        folder: directory that this node and check_study.py share
        variable: environment variables that jobs need
        driver: set if jobs run models on GPUs
    """
    print(json.dumps({"problems": list(problems_here(folder, variable, driver))}))


if __name__ == "__main__":
    run_script(main)
