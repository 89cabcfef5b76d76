"""Check a study's data source: every row, and the number of rows."""

import logging
from pathlib import Path

from ecslm.common.files import json_text
from ecslm.data.checking import CheckSettings, cached_report, check_rows
from ecslm.data.labels import read_labels
from ecslm.data.problems import Problems
from ecslm.data.source import JsonObject, located, planned_rows
from ecslm.schemas.paths import CACHE
from ecslm.script import Origin, OutputFile, job, run_script

log = logging.getLogger(__name__)


@job(log=True)
def main(
    origin: Origin,
    settings: JsonObject,
    output: OutputFile,
    cache: Path = CACHE,
    content: str | None = None,
    code: str | None = None,
    location: JsonObject | None = None,
) -> None:
    """
    Args:
        settings: source, tasks and known names: JSON or @FILE
        output: report (JSON) to write
        cache: cache directory for indexes of the source
        content: set by a run: digest of the rows, which is recorded: other rows are refused, and
            those in the cache are taken without reading the source
        code: set by a run: digest of the code, which is recorded; other code refuses to run
        location: where the source's files are, if --settings does not say it: JSON or @FILE, for
            example {"path": "data.jsonl"}
    """
    known = located(settings, location, CheckSettings)
    labels = None if known.source.labels is None else read_labels(known.source.labels)
    digest = labels and labels.digest
    raw = planned_rows(known.source, cache, content, lambda rows: rows.files, digest)
    ranks = labels and labels.rows
    if code:
        # Local data were checked before the first job; the report is in the cache.
        report = cached_report(cache, raw, known, ranks, code)
    else:
        report = check_rows(raw, known, ranks)
    if report.differing:
        log.warning(
            "counts other than the published ones: %d; the first: %s",
            len(report.differing),
            report.differing[0],
        )
    for line in Problems(report.problems).lines():
        log.warning("dropped: %s", line)
    origin.fields |= {"settings": known.model_dump(mode="json"), "content": content}
    origin.writes({output: json_text(report.model_dump(mode="json"))})


if __name__ == "__main__":
    run_script(main)
