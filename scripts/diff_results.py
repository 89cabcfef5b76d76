"""Compare two results directories cell by cell: what changed, beyond its interval or not, and why.

For example a copy of results/demo from before an edit, and results/demo. The
directories may be of different studies: of what only one has, the number and the
first are one line.

exit status:
  0  all cells are the same
  1  a directory has no scores, a file is invalid, the two have no cell in
     common, or an option is wrong
  3  cells changed or are missing, none beyond its interval
  4  a cell changed beyond its interval

example:
  cp -r results/demo before; (edit a metric); snakemake --cores all
  python scripts/diff_results.py before results/demo
"""

from pathlib import Path

from ecslm.common.files import json_text
from ecslm.provenance.score_differences import as_text, compare_scores
from ecslm.script import run_script

SAME, CHANGED, BEYOND = 0, 3, 4


def main(before: Path, after: Path, /, json: bool = False) -> int:
    """
    Args:
        before: results directory, before
        after: results directory, after
        json: print JSON instead
    """
    found = compare_scores(before, after)
    print(json_text(found).rstrip() if json else as_text(found))
    if found["beyond"]:
        return BEYOND
    return CHANGED if found["cells"] or found["missing"] else SAME


if __name__ == "__main__":
    run_script(main)
