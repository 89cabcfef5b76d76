"""Choose the best simple baseline of a task, trivial or learned, without its test records."""

from pathlib import Path

from ecslm.comparisons.settings import ChooseSettings
from ecslm.comparisons.simple_baselines import choose
from ecslm.schemas.record import read_task
from ecslm.script import Origin, OutputFile, job, run_script


@job()
def main(
    origin: Origin, task: str, train: Path, val: Path, settings: ChooseSettings, output: OutputFile
) -> None:
    """
    Args:
        task: code of the task, for example QPR
        train: dataset file with training records
        val: dataset file with validation records
        settings: JSON or @FILE: the task, and the baselines by name
        output: file to write (JSON)
    """
    origin.reads(train, val)
    found = choose(settings, read_task(train, task), read_task(val, task))
    origin.writes({output: found})


if __name__ == "__main__":
    run_script(main)
