"""Check a study's data source: every row, and the number of rows."""

import logging

from ecslm.common.text import number_of
from ecslm.data.checking import CheckSettings, check_rows
from ecslm.data.labels import read_labels
from ecslm.data.source import PlannedSource
from ecslm.script import Origin, OutputFile, job, run_script

log = logging.getLogger(__name__)


@job(log=True)
def main(origin: Origin, data: PlannedSource, output: OutputFile) -> None:
    """
    Args:
        output: report (JSON) to write
    """
    known = data.read(CheckSettings)
    labels = read_labels(known.source.labels)
    rows = data.rows(known.source, lambda rows: rows.files)
    report = check_rows(rows, known, labels)
    for kind, found in report.problems.items():
        log.warning(
            "dropped: %s (%s), such as %s", number_of(found.count, "row"), kind, found.first[0]
        )
    if others := report.differing:
        log.warning("counts other than the published ones: %d, such as %s", len(others), others[0])
    origin.made_with(known, content=data.content)
    origin.writes({output: report})


if __name__ == "__main__":
    run_script(main)
