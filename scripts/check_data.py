"""Check a study's data source: every row, and the number of rows."""

import importlib
import logging
from argparse import Namespace
from pathlib import Path

from ecslm.common.files import json_text
from ecslm.data.checking import CheckSettings, cached_report, check_rows
from ecslm.data.content import content_of_all, require_content
from ecslm.data.location import JsonObject, located
from ecslm.data.problems import Problems
from ecslm.data.sources.protocol import RawRows, source_module
from ecslm.schemas.paths import CACHE
from ecslm.script import Origin, OutputFile, job, run_script

log = logging.getLogger(__name__)


def modules(given: Namespace) -> tuple[str, ...]:
    """The module of the source's reader."""
    return (source_module(located(given.settings, given.location, CheckSettings).source.source),)


@job(modules=modules, log=True)
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
    module = source_module(known.source.source)

    def is_current(rows: RawRows) -> bool:
        return content == content_of_all(rows)

    raw = importlib.import_module(module).open_rows(known.source, cache, is_current)
    require_content(content, content_of_all(raw))
    labels = raw.labels() if known.ranked else None
    if code:
        # Local data were checked before the first job; the report is in the cache.
        report = cached_report(cache, raw, known, labels, code)
    else:
        report = check_rows(raw, known, labels)
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
