"""Check a configuration: a line for each mistake, with its file and line number.

`make reproduce` and `make export` do this before they start Snakemake, which ends with a traceback
at a file that it cannot read, or without a folder for its caches.
"""

from ecslm.plan.study import Choice
from ecslm.preflight.machine import check_cache_folder
from ecslm.script import run_script


def main(choice: Choice) -> None:
    """Read it."""
    check_cache_folder()
    choice.read()


if __name__ == "__main__":
    run_script(main)
