"""Render one table: LaTeX fragments, and their JSON twin with the source of each cell."""

import argparse
from dataclasses import replace
from pathlib import Path

from ecslm.common.cli import run_script
from ecslm.common.files import write_json, write_text
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
from ecslm.tables.kind import kind_module, read_request, resource_options
from ecslm.tables.latex_tables import render_table
from ecslm.tables.settings import LIBRARIES
from ecslm.tables.sources import Sources


def main(arguments: argparse.Namespace) -> None:
    kind, request = read_request(arguments.settings)
    given = {option: vars(arguments)[option] for option in resource_options()}
    sources = Sources(arguments.results, {option: path for option, path in given.items() if path})
    inputs = [
        *(arguments.results / path for path in kind.files(request)),
        arguments.template,
        arguments.float_template,
        *sources.resources.values(),
    ]
    versions = require_locked(LIBRARIES) if arguments.code else installed_versions(LIBRARIES)
    origin = made_from(inputs, request, arguments.code, versions)
    table = replace(kind.build(arguments.table, request, sources), layout=request.table.layout)
    fragments = render_table(arguments.template, arguments.float_template, table)
    require_unchanged(origin)
    write_text(arguments.tex, fragments.floats)
    write_text(arguments.tabular, fragments.tabulars)
    write_json(arguments.json, table.as_json())
    written = [arguments.tex, arguments.tabular, arguments.json]
    write_manifest(arguments.manifest or manifest_of(arguments.tex), origin, written)


def modules(arguments: argparse.Namespace) -> tuple[str, ...]:
    """The module of the table's kind."""
    _, request = read_request(arguments.settings)
    return (kind_module(request.table.kind),)


def command_line() -> argparse.ArgumentParser:
    """The options of this script."""
    parser = argparse.ArgumentParser(description=__doc__, epilog=AS_IN_A_RUN)
    add = parser.add_argument
    add("--table", required=True, help="name of the table")
    add("--settings", required=True, help="the table's entry and context: JSON or @FILE")
    add("--template", required=True, type=Path, help="Jinja template of the table's kind")
    add("--float-template", required=True, type=Path, help="Jinja template of the float around it")
    add(
        "--results",
        required=True,
        type=Path,
        help="results directory of the study, as results/demo",
    )
    add(
        "--tex",
        required=True,
        type=output_file,
        help="LaTeX fragment to write, with caption and notes",
    )
    add(
        "--tabular",
        required=True,
        type=output_file,
        help="LaTeX fragment to write, only the tabulars",
    )
    add("--json", required=True, type=output_file, help="JSON twin to write")
    for option, readers in resource_options().items():
        add(f"--{option}", dest=option, type=Path, help=f"file for tables of kind {readers}")
    add_manifest_options(parser)
    return parser


if __name__ == "__main__":
    run_script(as_planned(main, __file__, modules), command_line())
