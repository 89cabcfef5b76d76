"""Fetch the relevance labels of a study's ranking records, pinned by their sha256."""

from collections.abc import Sequence
from pathlib import Path

from ecslm.common.errors import InputError
from ecslm.data.labels import fetch_labels
from ecslm.plan.study import Study
from ecslm.script import run_script


def main(configfile: Sequence[Path] = (), study: str | None = None) -> None:
    """
    Args:
        configfile: files merged over config.yaml
        study: entry of `studies` (default: the configuration's `study`)
    """
    chosen = Study.read(configfile, study)
    labels = chosen.settings.data.labels
    if labels is None:
        problem = "has no `labels`, so there is no file to fetch"
        raise chosen.config.with_places(InputError(f"studies.{chosen.name}.data: {problem}"))
    fetched = fetch_labels(labels)
    print(f"{labels.path}: {'fetched' if fetched else 'already present'}")


if __name__ == "__main__":
    run_script(main)
