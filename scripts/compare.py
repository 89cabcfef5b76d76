"""Adjust the p-values of each contrast over all tasks, with Holm's method.
Writes the comparisons of each task and prints a summary.

example:
  python scripts/compare.py --differences mine/PM.json mine/SA.json --output adjusted
"""

from pathlib import Path

from ecslm.common.errors import InputError
from ecslm.common.files import json_text
from ecslm.common.manifests import read_result
from ecslm.comparisons.results import Difference, adjusted
from ecslm.reports.summaries import difference_summary
from ecslm.script import Origin, job, run_script


@job()
def main(origin: Origin, differences: list[Path], output: Path, json: bool = False) -> None:
    """
    Args:
        differences: output files of differences.py, one per task
        output: directory to write files of the same names to
        json: print JSON, by file name, instead of a summary
    """
    origin.reads(*differences)
    read = {path.name: read_result(path, list[Difference]) for path in differences}
    if len(read) < len(differences):
        raise InputError("--differences: two files have the same name; outputs are named like them")
    rows = adjusted(read)
    found = {name: [row.model_dump(mode="json") for row in rows[name]] for name in rows}
    written = {output / name: json_text(value) for name, value in found.items()}
    origin.writes(written, output / "manifest.json")
    by_task = {Path(name).stem: found for name, found in rows.items()}
    print(json_text(found), end="") if json else print(difference_summary(by_task))


if __name__ == "__main__":
    run_script(main)
