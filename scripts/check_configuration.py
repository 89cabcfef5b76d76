"""Check a configuration: a line for each mistake, with its file and line number.

`make reproduce` and `make export` do this before they start Snakemake, which ends with a traceback
at a file that it cannot read, or without a folder for its caches.
"""

from collections.abc import Sequence
from pathlib import Path

from ecslm.plan.study import Study
from ecslm.preflight.machine import check_cache_folder
from ecslm.script import run_script


def main(configfile: Sequence[Path] = (), study: str | None = None) -> None:
    """
    Args:
        configfile: files merged over config.yaml
        study: entry of `studies` (default: the configuration's `study`)
    """
    check_cache_folder()
    Study.read(configfile, study)


if __name__ == "__main__":
    run_script(main)
