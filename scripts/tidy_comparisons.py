"""Collect a study's comparisons as tidy rows: one for each difference that was tested."""

from pathlib import Path

from ecslm.script import Origin, OutputFile, job, run_script
from ecslm.tidy.comparisons import comparison_files, comparison_frame
from ecslm.tidy.rows import TidySettings


@job()
def main(origin: Origin, settings: TidySettings, results: Path, parquet: OutputFile) -> None:
    """
    Args:
        settings: the tasks in which something is compared: JSON or @FILE
        results: results directory of the study, as results/demo
        parquet: Parquet file to write
    """
    origin.reads(*(results / path for path in comparison_files(settings.context)))
    frame = comparison_frame(settings, results)
    origin.writes({parquet: frame.to_parquet(engine="pyarrow", index=False)})


if __name__ == "__main__":
    run_script(main)
