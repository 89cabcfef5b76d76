"""Collect a study's scores as tidy rows: one for each model, seed, task, setting and protocol."""

from pathlib import Path

from ecslm.exports.score_rows import LIBRARIES, ScoreRowsSettings, score_files
from ecslm.exports.tidy_scores import as_csv, as_parquet, score_frame, score_rows
from ecslm.script import Origin, OutputFile, job, run_script


@job(LIBRARIES)
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
    origin.reads(*(results / path for path in score_files(settings)))
    frame = score_frame(score_rows(settings, results))
    origin.writes({csv: as_csv(frame), parquet: as_parquet(frame)})


if __name__ == "__main__":
    run_script(main)
