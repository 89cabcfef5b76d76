"""Draw a study's figures of scores and trainings, each as SVG and as PDF; needs no display."""

from pathlib import Path

from ecslm.figures.draw import draw_figures
from ecslm.figures.settings import FiguresSettings
from ecslm.figures.style import as_files, styled
from ecslm.schemas.paths import FIGURE_PDF, FIGURE_SVG, FIGURES_MANIFEST
from ecslm.script import Origin, job, run_script


@job()
def main(origin: Origin, settings: FiguresSettings, results: Path, style: Path) -> None:
    """
    Args:
        settings: what figures show: JSON or @FILE
        results: results directory of the study, as results/demo, which they are written to
        style: style sheet of matplotlib
    """
    origin.reads(*(results / path for path in settings.files()), style)
    written: dict[Path, str | bytes] = {}
    with styled(style):
        for name, figure, text in draw_figures(settings, results):
            paths = (results / path.format(figure=name.name) for path in (FIGURE_SVG, FIGURE_PDF))
            written |= zip(paths, as_files(figure, name.name, text), strict=True)
    origin.writes(written, results / FIGURES_MANIFEST)


if __name__ == "__main__":
    run_script(main)
