"""Draw the graph of a study's rules as SVG and as PDF."""

import argparse

from ecslm.common.cli import read_settings, run_script
from ecslm.common.files import write_bytes, write_text
from ecslm.common.manifests import add_manifest_options, made_from, manifest_of, write_manifest
from ecslm.common.usage import AS_IN_A_RUN, output_file
from ecslm.common.versions import installed_versions, require_locked
from ecslm.figures.rule_graph import draw_rule_graph
from ecslm.figures.settings import GRAPH_LIBRARIES, RuleGraph
from ecslm.figures.style import as_files, styled
from ecslm.fingerprint.running import as_planned


def main(arguments: argparse.Namespace) -> None:
    graph = read_settings(arguments.settings, RuleGraph)
    libraries = GRAPH_LIBRARIES
    versions = require_locked(libraries) if arguments.code else installed_versions(libraries)
    origin = made_from([], graph, arguments.code, versions)
    with styled():
        svg, pdf = as_files(draw_rule_graph(graph), arguments.svg.stem)
    write_text(arguments.svg, svg)
    write_bytes(arguments.pdf, pdf)
    manifest = arguments.manifest or manifest_of(arguments.svg)
    write_manifest(manifest, origin, [arguments.svg, arguments.pdf])


def command_line() -> argparse.ArgumentParser:
    """The options of this script."""
    parser = argparse.ArgumentParser(description=__doc__, epilog=AS_IN_A_RUN)
    add = parser.add_argument
    add("--settings", required=True, help="jobs of each rule, and pairs of rules: JSON or @FILE")
    add("--svg", required=True, type=output_file, help="SVG to write")
    add("--pdf", required=True, type=output_file, help="PDF to write")
    add_manifest_options(parser)
    return parser


if __name__ == "__main__":
    run_script(as_planned(main, __file__), command_line())
