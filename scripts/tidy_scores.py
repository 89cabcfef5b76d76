"""Collect a study's scores as tidy rows: one for each model, seed, task, setting and protocol."""

from pathlib import Path

from ecslm.exports.settings import ScoreRowsSettings
from ecslm.exports.tidy_scores import as_csv, as_parquet, score_frame
from ecslm.script import Origin, OutputFile, job, run_script


@job()
def main(
    origin: Origin, settings: ScoreRowsSettings, results: Path, csv: OutputFile, parquet: OutputFile
) -> None:
    """
    Args:
        settings: the study's models and baselines: JSON or @FILE
        results: results directory of the study, as results/demo
        csv: CSV file to write
        parquet: Parquet file to write
    """
    origin.reads(*(results / path for path in settings.files()))
    frame = score_frame(settings, results)
    origin.writes({csv: as_csv(frame), parquet: as_parquet(frame)})


if __name__ == "__main__":
    run_script(main)
