"""Say what a job of a run would lack on this machine: what `check_study.py` runs on a node."""

from pathlib import Path

from ecslm.common.errors import InputError
from ecslm.preflight.cluster import problems_here
from ecslm.script import run_script


def main(folder: Path, driver: bool = False) -> None:
    """
    Args:
        folder: directory that this node and check_study.py share
        driver: set if jobs run models on GPUs
    """
    if problems := list(problems_here(folder, driver)):
        raise InputError(*problems)


if __name__ == "__main__":
    run_script(main)
