"""Check a study's data source: every row, and the number of rows."""

import argparse
import importlib
import logging
from pathlib import Path

from ecslm.common.cli import run_script
from ecslm.common.files import write_json
from ecslm.common.logs import add_log_option, start_log
from ecslm.common.manifests import add_manifest_options, made_from, manifest_of, write_manifest
from ecslm.common.usage import AS_IN_A_RUN, output_file
from ecslm.data.checking import CheckSettings, cached_report, check_rows
from ecslm.data.content import content_of_all, require_content
from ecslm.data.location import add_location_option, read_located
from ecslm.data.problems import Problems
from ecslm.data.sources.protocol import RawRows, source_module
from ecslm.fingerprint.running import as_planned
from ecslm.schemas.paths import CACHE

log = logging.getLogger(__name__)


def main(arguments: argparse.Namespace) -> None:
    """Check the source and write the report."""
    start_log(arguments.log)
    settings = read_located(arguments, CheckSettings)
    (module,) = modules(arguments)

    def is_current(rows: RawRows) -> bool:
        return arguments.content == content_of_all(rows)

    source = importlib.import_module(module)
    raw = source.open_rows(settings.source, arguments.cache, is_current)
    require_content(arguments.content, content_of_all(raw))
    labels = raw.labels() if settings.ranked else None
    if arguments.code:
        # Local data were checked before the first job; the report is in the cache.
        report = cached_report(arguments.cache, raw, settings, labels, arguments.code)
    else:
        report = check_rows(raw, settings, labels)
    if report.differing:
        log.warning(
            "counts other than the published ones: %d; the first: %s",
            len(report.differing),
            report.differing[0],
        )
    for line in Problems(report.problems).lines():
        log.warning("dropped: %s", line)
    output = arguments.output
    write_json(output, report.model_dump(mode="json"))
    origin = made_from([], settings, arguments.code, versions={}) | {"content": arguments.content}
    write_manifest(arguments.manifest or manifest_of(output), origin, [output])


def modules(arguments: argparse.Namespace) -> tuple[str, ...]:
    """The module of the source's reader."""
    return (source_module(read_located(arguments, CheckSettings).source.source),)


def command_line() -> argparse.ArgumentParser:
    """The options of this script."""
    parser = argparse.ArgumentParser(description=__doc__, epilog=AS_IN_A_RUN)
    add = parser.add_argument
    add("--settings", required=True, help="source, tasks and known names: JSON or @FILE")
    add(
        "--cache",
        type=Path,
        default=CACHE,
        help="cache directory for indexes of the source (default: %(default)s)",
    )
    add("--output", type=output_file, required=True, help="report (JSON) to write")
    add(
        "--content",
        help="set by a run: digest of the rows, which is recorded: other rows are refused, and "
        "those in the cache are taken without reading the source",
    )
    add_location_option(parser)
    add_log_option(parser)
    add_manifest_options(parser)
    return parser


if __name__ == "__main__":
    run_script(as_planned(main, __file__, modules), command_line())
