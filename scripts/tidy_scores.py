"""Collect a study's scores as tidy rows: one for each model, seed, task, setting and protocol."""

from pathlib import Path

from ecslm.exports.settings import ScoreRowsSettings
from ecslm.exports.tidy_scores import score_frame
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
    # Numbers have all their digits, and missing values are empty.
    as_csv = frame.to_csv(index=False, lineterminator="\n")
    origin.writes({csv: as_csv, parquet: frame.to_parquet(engine="pyarrow", index=False)})


if __name__ == "__main__":
    run_script(main)
