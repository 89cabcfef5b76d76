"""Say what a job of a run would lack on this machine: what `check_study.py` runs on a node."""

from pathlib import Path

from ecslm.common.errors import refuse
from ecslm.preflight.cluster import problems_here
from ecslm.script import run_script


def main(folder: Path, driver: bool = False) -> None:
    """
    Args:
        folder: directory that this node and check_study.py share
        driver: set if jobs run models on GPUs
    """
    refuse(problems_here(folder, driver))


if __name__ == "__main__":
    run_script(main)
