"""Print the scores of a study, and where its results are, as a finished run does."""

from collections.abc import Sequence
from pathlib import Path

from ecslm.plan.report import study_summary
from ecslm.plan.study import Study
from ecslm.script import run_script


def main(configfile: Sequence[Path] = (), study: str | None = None) -> None:
    """
    Args:
        configfile: files merged over config.yaml
        study: entry of `studies` (default: the configuration's `study`)
    """
    print(study_summary(Study.read(configfile, study)))


if __name__ == "__main__":
    run_script(main)
