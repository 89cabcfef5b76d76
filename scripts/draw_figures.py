"""Draw a study's figures of scores and trainings, each as SVG and as PDF; needs no display."""

from pathlib import Path

from ecslm.figures.draw import draw_figures
from ecslm.figures.inputs import input_files
from ecslm.figures.settings import LIBRARIES, FiguresSettings
from ecslm.figures.style import as_files, styled
from ecslm.schemas.paths import FIGURE_PDF, FIGURE_SVG, FIGURES_MANIFEST
from ecslm.script import Origin, job, run_script
from ecslm.tables.inputs import Inputs


@job(LIBRARIES)
def main(
    origin: Origin,
    settings: FiguresSettings,
    results: Path,
    published: Path,
    sizes: Path | None = None,
) -> None:
    """
    Args:
        settings: what figures show: JSON or @FILE
        results: results directory of the study, as results/demo, which they are written to
        published: published results, as CSV
        sizes: parameters of published models, as CSV, if they are known
    """
    origin.reads(*(results / path for path in input_files(settings)), published, sizes)
    inputs = Inputs(settings.context, results, {"published": published})
    written: dict[Path, str | bytes] = {}
    with styled():
        for name, figure in draw_figures(settings, inputs, sizes):
            svg, pdf = as_files(figure, name.name)
            written[results / FIGURE_SVG.format(figure=name.name)] = svg
            written[results / FIGURE_PDF.format(figure=name.name)] = pdf
    origin.writes(written, results / FIGURES_MANIFEST)


if __name__ == "__main__":
    run_script(main)
