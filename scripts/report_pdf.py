"""Compile a study's report to PDF; needs latexmk."""

import argparse
from pathlib import Path

from ecslm.common.cli import run_script
from ecslm.common.manifests import (
    add_manifest_options,
    made_from,
    require_unchanged,
    verify_result,
    write_manifest,
)
from ecslm.common.usage import AS_IN_A_RUN, output_file
from ecslm.fingerprint.running import as_planned
from ecslm.reports.pdf import compile_pdf


def main(arguments: argparse.Namespace) -> None:
    for path in (arguments.tex, *arguments.parts):
        verify_result(path)
        # Figures have one in common.
        verify_result(path, path.with_name("manifest.json"))
    origin = made_from([arguments.tex, *arguments.parts], {}, arguments.code, versions={})
    require_unchanged(origin)
    compile_pdf(arguments.tex, arguments.pdf)
    # Not report.manifest.json: that is the page's.
    manifest = arguments.manifest or arguments.pdf.with_suffix(".pdf.manifest.json")
    write_manifest(manifest, origin, [arguments.pdf])


def command_line() -> argparse.ArgumentParser:
    """The options of this script."""
    parser = argparse.ArgumentParser(description=__doc__, epilog=AS_IN_A_RUN)
    parser.add_argument(
        "--tex", required=True, type=Path, help="document, next to tables/ and figures/"
    )
    parser.add_argument(
        "--parts", nargs="*", default=[], type=Path, help="tables and figures that it contains"
    )
    parser.add_argument("--pdf", required=True, type=output_file, help="PDF to write")
    add_manifest_options(parser)
    return parser


if __name__ == "__main__":
    run_script(as_planned(main, __file__), command_line())
