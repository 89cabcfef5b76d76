"""Collect a study's scores as tidy rows: one for each model, seed, task, setting and protocol."""

from pathlib import Path

from ecslm.script import Origin, OutputFile, job, run_script
from ecslm.tidy.scores import score_files, score_frame
from ecslm.tidy.settings import TidySettings


@job()
def main(
    origin: Origin,
    settings: TidySettings,
    results: Path,
    csv: OutputFile,
    parquet: OutputFile,
    published: Path | None = None,
) -> None:
    """
    Args:
        settings: the study's models and baselines: JSON or @FILE
        results: results directory of the study, as results/demo
        csv: CSV file to write
        parquet: Parquet file to write
        published: published results, as CSV
    """
    origin.reads(*(results / path for path in score_files(settings.context)), published)
    frame = score_frame(settings, results, published)
    # Numbers have all their digits, and missing values are empty.
    written = {csv: frame.to_csv(index=False, lineterminator="\n")}
    origin.writes(written | {parquet: frame.to_parquet(index=False)})


if __name__ == "__main__":
    run_script(main)
