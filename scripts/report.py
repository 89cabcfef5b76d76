"""Build a study's report: one web page, and a LaTeX document of all tables and figures."""

import argparse
from pathlib import Path

from ecslm.common.cli import read_settings, run_script
from ecslm.common.commit import project_commit
from ecslm.common.files import write_text
from ecslm.common.manifests import (
    add_manifest_options,
    made_from,
    manifest_of,
    require_unchanged,
    write_manifest,
)
from ecslm.common.usage import AS_IN_A_RUN, output_file
from ecslm.common.versions import installed_versions, require_locked
from ecslm.fingerprint.running import as_planned
from ecslm.reports.content import read_content
from ecslm.reports.document import render_document
from ecslm.reports.page import PageFiles, render_page
from ecslm.reports.settings import (
    LIBRARIES,
    ReportSettings,
    base_names,
    metric_modules,
    report_files,
)
from ecslm.schemas.paths import BASE


def main(arguments: argparse.Namespace) -> None:
    settings, results = read_settings(arguments.settings, ReportSettings), arguments.results
    inputs = [
        *(results / path for path in report_files(settings)),
        *(arguments.bases / BASE.format(base=base) for base in base_names(settings)),
        *(arguments.html_template, arguments.style, arguments.script),
        arguments.tex_template,
    ]
    versions = require_locked(LIBRARIES) if arguments.code else installed_versions(LIBRARIES)
    origin = made_from(inputs, settings, arguments.code, versions)
    commit = project_commit(arguments.html_template.parent)
    content = read_content(settings, results, arguments.bases, commit)
    files = PageFiles(arguments.html_template, arguments.style, arguments.script)
    page = render_page(content, results, files)
    document = render_document(content, arguments.tex_template)
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
    parser = argparse.ArgumentParser(description=__doc__, epilog=AS_IN_A_RUN)
    add = parser.add_argument
    add("--settings", required=True, help="what the report shows: JSON or @FILE")
    add(
        "--results",
        required=True,
        type=Path,
        help="results directory of the study, as results/demo",
    )
    add("--bases", required=True, type=Path, help="directory of the bases' manifests")
    add("--html-template", required=True, type=Path, help="Jinja template of the page")
    add("--style", required=True, type=Path, help="CSS of the page")
    add("--script", required=True, type=Path, help="JavaScript of the page")
    add("--tex-template", required=True, type=Path, help="Jinja template of the document")
    add("--html", required=True, type=output_file, help="page to write, in the results directory")
    add(
        "--tex", required=True, type=output_file, help="document to write, in the results directory"
    )
    add_manifest_options(parser)
    return parser


if __name__ == "__main__":
    run_script(as_planned(main, __file__, modules), command_line())
