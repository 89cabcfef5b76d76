"""Compare two results directories cell by cell: what changed, beyond its interval or not, and why.

For example a copy of results/demo from before an edit, and results/demo. The
directories may be of different studies: what only one has is one line each.

exit status:
  0  all cells are the same
  1  a directory has no scores, a file is invalid, the two have no cell in common, or an option is
     wrong
  3  cells changed or are missing, none beyond its interval
  4  a cell changed beyond its interval

example:
  cp -r results/demo before; (edit a metric); snakemake --cores all
  python scripts/diff_results.py before results/demo
"""

from pathlib import Path

from ecslm.common.files import json_text
from ecslm.provenance.difference.cells import ResultsFolder
from ecslm.provenance.difference.compare import ResultsDiff, diff_results
from ecslm.provenance.difference.text import as_json, as_text
from ecslm.script import run_script

SAME, CHANGED, BEYOND = 0, 3, 4


def main(before: Path, after: Path, /, json: bool = False) -> int:
    """
    Args:
        before: results directory, before
        after: results directory, after
        json: print JSON instead
    """
    diff = diff_results(ResultsFolder(before), ResultsFolder(after))
    if json:
        found = as_json(diff, before, after)
        print(json_text(found), end="")
    else:
        print(as_text(diff, before, after))
    return status(diff)


def status(diff: ResultsDiff) -> int:
    """The exit status, see --help."""
    if diff.beyond:
        return BEYOND
    return CHANGED if diff.changes or diff.missing else SAME


if __name__ == "__main__":
    run_script(main)
