"""Adjust the p-values of each contrast over all tasks, with Holm's method.
Writes all comparisons as tidy rows and prints a summary.

example:
  python scripts/compare.py --differences mine/PM.json mine/SA.json --output comparisons.parquet
"""

from collections.abc import Sequence
from pathlib import Path

from ecslm.common.errors import InputError
from ecslm.common.files import json_text
from ecslm.common.manifests import read_result
from ecslm.comparisons.results import LIBRARIES, Difference, adjusted, comparison_frame
from ecslm.reports.summaries import difference_summary
from ecslm.script import Origin, OutputFile, job, run_script


@job(LIBRARIES)
def main(
    origin: Origin, output: OutputFile, differences: Sequence[Path] = (), json: bool = False
) -> None:
    """
    Args:
        output: Parquet file to write
        differences: output files of differences.py, one per task, which they are named after; none
            in a study that compares nothing
        json: print JSON, by task, instead of a summary
    """
    origin.reads(*differences)
    read = {path.stem: read_result(path, list[Difference]) for path in differences}
    if len(read) < len(differences):
        raise InputError("--differences: two files have the same name: name each after its task")
    rows = adjusted(read)
    origin.writes({output: comparison_frame(rows).to_parquet(index=False)})
    found = {task: [row.model_dump(mode="json") for row in rows[task]] for task in rows}
    print(json_text(found), end="") if json else print(difference_summary(rows))


if __name__ == "__main__":
    run_script(main)
