"""Draw a study's figures of scores and trainings, each as SVG and as PDF; needs no display."""

import argparse
from pathlib import Path

from ecslm.common.cli import read_settings, run_script
from ecslm.common.files import write_bytes, write_text
from ecslm.common.manifests import made_from, require_unchanged, write_manifest
from ecslm.common.usage import AS_IN_A_RUN, output_file
from ecslm.common.versions import installed_versions, require_locked
from ecslm.figures.draw import draw_figures
from ecslm.figures.inputs import input_files
from ecslm.figures.scores import scores_modules
from ecslm.figures.settings import LIBRARIES, FiguresSettings, figure_files
from ecslm.figures.style import as_files, styled
from ecslm.fingerprint.running import as_planned
from ecslm.schemas.paths import FIGURES_MANIFEST
from ecslm.tables.sources import Sources


def main(arguments: argparse.Namespace) -> None:
    settings, results = read_settings(arguments.settings, FiguresSettings), arguments.results
    inputs = [results / path for path in input_files(settings)]
    inputs += [path for path in (arguments.published, arguments.sizes) if path]
    versions = require_locked(LIBRARIES) if arguments.code else installed_versions(LIBRARIES)
    origin = made_from(inputs, settings, arguments.code, versions)
    sources = Sources(results, {"published": arguments.published})
    with styled():
        drawn = {
            name: as_files(figure, name.stem)
            for name, figure in draw_figures(settings, sources, arguments.sizes)
        }
    require_unchanged(origin)
    written = []
    for name, (svg, pdf) in figure_files(settings).items():
        write_text(results / svg, drawn[name][0])
        write_bytes(results / pdf, drawn[name][1])
        written += [results / svg, results / pdf]
    write_manifest(arguments.manifest or results / FIGURES_MANIFEST, origin, written)


def modules(arguments: argparse.Namespace) -> tuple[str, ...]:
    """The module that builds results tables."""
    return scores_modules(read_settings(arguments.settings, FiguresSettings))


def command_line() -> argparse.ArgumentParser:
    """The options of this script."""
    parser = argparse.ArgumentParser(description=__doc__, epilog=AS_IN_A_RUN)
    add = parser.add_argument
    add("--settings", required=True, help="what figures show: JSON or @FILE")
    add(
        "--results",
        required=True,
        type=Path,
        help="results directory of the study, as results/demo",
    )
    add("--published", required=True, type=Path, help="published results, as CSV")
    add("--sizes", type=Path, help="parameters of published models, as CSV, if they are known")
    add(
        "--manifest",
        type=output_file,
        help="manifest to write: what the figures were made from (default: "
        f"{FIGURES_MANIFEST} in the results directory)",
    )
    add(
        "--code",
        help="set by a run: digest of the code, which is recorded; other code refuses to run",
    )
    return parser


if __name__ == "__main__":
    run_script(as_planned(main, __file__, modules), command_line())
