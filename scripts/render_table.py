"""Render one table: a LaTeX fragment, and its JSON twin with the source of each cell."""

import argparse
from pathlib import Path

from ecslm.common.cli import read_settings, run_script
from ecslm.common.files import write_json, write_text
from ecslm.common.manifests import add_manifest_options, made_from, manifest_of, write_manifest
from ecslm.tables.builders import build_table
from ecslm.tables.latex import render_table
from ecslm.tables.requests import TableRequest, metric_files, other_files
from ecslm.tables.sources import Sources


def main(arguments: argparse.Namespace) -> None:
    request = read_settings(arguments.settings, TableRequest)
    resources = (arguments.published, arguments.notes, arguments.architectures)
    inputs = [
        *(arguments.results / path for path in (*metric_files(request), *other_files(request))),
        arguments.template,
        *(path for path in resources if path),
    ]
    origin = made_from(inputs, request, arguments.code, versions={})
    sources = Sources(
        results=arguments.results,
        published=arguments.published,
        notes=arguments.notes,
        architectures=arguments.architectures,
    )
    table = build_table(arguments.table, request, sources)
    write_text(arguments.tex, render_table(arguments.template, table))
    write_json(arguments.json, table.as_json())
    write_manifest(
        arguments.manifest or manifest_of(arguments.tex), origin, [arguments.tex, arguments.json]
    )


def command_line() -> argparse.ArgumentParser:
    """The options of this script."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--table", required=True, help="name of the table")
    add("--settings", required=True, help="the table's entry and context: JSON or @file")
    add("--template", required=True, type=Path, help="Jinja template of the table's kind")
    add("--results", required=True, type=Path, help="the study's results folder")
    add("--tex", required=True, type=Path, help="LaTeX fragment to write")
    add("--json", required=True, type=Path, help="JSON twin to write")
    add("--published", type=Path, help="CSV file of published numbers that the kind shows")
    add("--notes", type=Path, help="CSV file of notes on published numbers (reproduction)")
    add("--architectures", type=Path, help="CSV file of model architectures (parameters)")
    add_manifest_options(parser)
    return parser


if __name__ == "__main__":
    run_script(main, command_line())
