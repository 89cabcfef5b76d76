"""Score a model over its seeds: mean, standard deviation, and interval of the mean."""

from pathlib import Path

from ecslm.common.errors import InputError
from ecslm.scoring.outcomes import over_seeds, read_outcomes
from ecslm.scoring.settings import OverSeedsSettings
from ecslm.script import Origin, OutputFile, job, run_script


@job()
def main(
    origin: Origin,
    task: str,
    seeds: list[int],
    records: list[Path],
    settings: OverSeedsSettings,
    output: OutputFile,
    model: str | None = None,
) -> None:
    """
    Args:
        task: code of the task, recorded in the file
        seeds: seeds, in the order of --records
        records: outcomes files of score.py, one per seed
        settings: JSON or @FILE: {"metric": "ndcg", "scoring": {...}}
        output: file to write (JSON)
        model: name of the model, recorded in the file
    """
    if len(seeds) < 2 or not len(set(seeds)) == len(seeds) == len(records) == len(set(records)):
        raise InputError("--seeds: give two or more different seeds, and one of --records for each")
    origin.reads(*records)
    origin.writes({output: over_seeds(read_outcomes(records), task, model, seeds, settings)})


if __name__ == "__main__":
    run_script(main)
