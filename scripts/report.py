"""Build a study's report: one web page, and a LaTeX document of all tables."""

import argparse
from pathlib import Path

from ecslm.common.cli import read_settings, run_script
from ecslm.common.files import write_text
from ecslm.common.manifests import (
    add_manifest_options,
    made_from,
    manifest_of,
    require_unchanged,
    write_manifest,
)
from ecslm.common.versions import installed_versions, require_locked
from ecslm.fingerprint.running import as_planned
from ecslm.reports.page import render_page
from ecslm.reports.settings import (
    LIBRARIES,
    ReportSettings,
    base_names,
    metric_modules,
    report_files,
)
from ecslm.reports.verdict import verdict
from ecslm.schemas.paths import BASE
from ecslm.tables.latex import render


def main(arguments: argparse.Namespace) -> None:
    settings = read_settings(arguments.settings, ReportSettings)
    inputs = [
        *(arguments.results / path for path in report_files(settings)),
        *(arguments.bases / BASE.format(base=base) for base in base_names(settings)),
        arguments.html_template,
        arguments.tex_template,
    ]
    versions = require_locked(LIBRARIES) if arguments.code else installed_versions(LIBRARIES)
    origin = made_from(inputs, settings, arguments.code, versions)
    page = render_page(settings, arguments.results, arguments.bases, arguments.html_template)
    document = render(
        arguments.tex_template, settings=settings, verdict=verdict(settings, arguments.results)
    )
    require_unchanged(origin)
    write_text(arguments.html, page)
    write_text(arguments.tex, document)
    write_manifest(
        arguments.manifest or manifest_of(arguments.html), origin, [arguments.html, arguments.tex]
    )


def modules(arguments: argparse.Namespace) -> tuple[str, ...]:
    """The modules of the tasks' metrics."""
    return metric_modules(read_settings(arguments.settings, ReportSettings))


def command_line() -> argparse.ArgumentParser:
    """The options of this script."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--settings", required=True, help="what the report shows: JSON or @file")
    add("--results", required=True, type=Path, help="the study's results directory")
    add("--bases", required=True, type=Path, help="directory of the bases' manifests")
    add("--html-template", required=True, type=Path, help="Jinja template of the page")
    add("--tex-template", required=True, type=Path, help="Jinja template of the document")
    add("--html", required=True, type=Path, help="page to write, in the results directory")
    add("--tex", required=True, type=Path, help="document to write, in the results directory")
    add_manifest_options(parser)
    return parser


if __name__ == "__main__":
    run_script(as_planned(main, __file__, modules), command_line())
