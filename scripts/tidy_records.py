"""Collect all answers of a study to test records as tidy rows, each with how good it is."""

from pathlib import Path

from ecslm.script import Origin, OutputFile, job, run_script
from ecslm.tidy.records import record_files, record_table
from ecslm.tidy.settings import RecordsSettings


@job()
def main(origin: Origin, settings: RecordsSettings, results: Path, parquet: OutputFile) -> None:
    """
    Args:
        settings: the study's models, and the metrics of its tasks: JSON or @FILE
        results: results directory of the study, as results/demo
        parquet: Parquet file to write
    """
    origin.reads(*(results / path for path in record_files(settings.context)))
    origin.writes({parquet: record_table(settings, results)})


if __name__ == "__main__":
    run_script(main)
