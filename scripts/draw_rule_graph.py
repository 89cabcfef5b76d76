"""Draw the graph of a study's rules as SVG and as PDF."""

from ecslm.figures.rule_graph import draw_rule_graph
from ecslm.figures.settings import GRAPH_LIBRARIES, RuleGraph
from ecslm.figures.style import as_files, styled
from ecslm.script import Origin, OutputFile, job, run_script


@job(GRAPH_LIBRARIES)
def main(origin: Origin, settings: RuleGraph, svg: OutputFile, pdf: OutputFile) -> None:
    """
    Args:
        settings: jobs of each rule, and pairs of rules: JSON or @FILE
        svg: SVG to write
        pdf: PDF to write
    """
    with styled():
        drawn = as_files(draw_rule_graph(settings), svg.stem)
    origin.writes(dict(zip((svg, pdf), drawn, strict=True)))


if __name__ == "__main__":
    run_script(main)
