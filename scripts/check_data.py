"""Check a study's data source: every row, and the number of rows."""

import logging
from pathlib import Path

from ecslm.common.text import number_of
from ecslm.data.checking import CheckSettings, check_rows
from ecslm.data.labels import read_labels
from ecslm.data.source import located, planned_rows
from ecslm.schemas.paths import CACHE
from ecslm.script import Origin, OutputFile, job, run_script

log = logging.getLogger(__name__)


@job(log=True)
def main(
    origin: Origin,
    settings: str,
    output: OutputFile,
    cache: Path = CACHE,
    content: str | None = None,
    location: str | None = None,
) -> None:
    """
    Args:
        settings: source, tasks and known names: JSON or @FILE
        output: report (JSON) to write
        cache: cache directory for indexes of the source
        content: set by a run: digest of the rows, which is recorded; other rows are refused
        location: path of the source's files, if --settings does not say it
    """
    known = located(settings, location, CheckSettings)
    labels = None if known.source.labels is None else read_labels(known.source.labels)
    rows = planned_rows(known.source, cache, content, lambda rows: rows.files)
    report = check_rows(rows, known, labels)
    for kind, found in report.problems.items():
        log.warning(
            "dropped: %s (%s), such as %s", number_of(found.count, "row"), kind, found.first[0]
        )
    if others := report.differing:
        log.warning("counts other than the published ones: %d, such as %s", len(others), others[0])
    origin.made_with(known, content=content)
    origin.writes({output: report})


if __name__ == "__main__":
    run_script(main)
