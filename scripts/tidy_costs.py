"""Collect what a study has measured of time, memory and energy as tidy rows: one for each training,
for the answers to each task, and for the single answers of each model that was timed."""

from pathlib import Path

from ecslm.script import Origin, OutputFile, job, run_script
from ecslm.tidy.costs import cost_frame, cost_rows
from ecslm.tidy.settings import CostsSettings


@job()
def main(origin: Origin, settings: CostsSettings, results: Path, parquet: OutputFile) -> None:
    """
    Args:
        settings: the study's models: JSON or @FILE
        results: results directory of the study, as results/demo
        parquet: Parquet file to write
    """
    origin.reads(*(results / row["source"] for row in cost_rows(settings)))
    origin.writes({parquet: cost_frame(settings, results).to_parquet(index=False)})


if __name__ == "__main__":
    run_script(main)
