from ecslm.figures.inputs import input_files
from ecslm.figures.settings import GRAPH_LIBRARIES
from ecslm.figures.settings import LIBRARIES as DRAWING_LIBRARIES
from ecslm.plan.figures import figures_settings, rule_graph
from ecslm.schemas.paths import PUBLISHED_SCORES, PUBLISHED_SIZES

FIGURES = [figure.name for figure in figures_settings(STUDY).names()]


rule draw_figures:
    """step: draw all figures of scores and training"""
    input:
        results=lambda job: of_study(dict.fromkeys(input_files(figures_settings(STUDY)))),
        published=lambda job: STUDY.published(PUBLISHED_SCORES) or [],
        sizes=lambda job: STUDY.published(PUBLISHED_SIZES) or [],
    output:
        svg=shown(expand("<results>/figures/{figure}.svg", figure=FIGURES), "Figures", "figure"),
        pdf=expand("<results>/figures/{figure}.pdf", figure=FIGURES),
        manifest="<results>/figures/manifest.json",
    log:
        "<results>/logs/draw_figures.log",
    params:
        **made_by("draw_figures.py", figures_settings, DRAWING_LIBRARIES),
        results=folder(STUDY.results),
        sizes=option("sizes"),
    message:
        "Figures"
    shell:
        "python scripts/draw_figures.py --settings {params.settings:q} --results {params.results}"
        " --published {input.published:q} {params.sizes} --code {params.code}"
        " --manifest {output.manifest} 2> {log}"


rule draw_rule_graph:
    """step: draw the graph of the rules"""
    output:
        svg=shown("<results>/figures/rule_graph.svg", "Figures", "rule_graph"),
        pdf="<results>/figures/rule_graph.pdf",
        manifest="<results>/figures/rule_graph.manifest.json",
    log:
        "<results>/logs/draw_rule_graph.log",
    params:
        **made_by(
            "draw_rule_graph.py",
            lambda _: rule_graph(JOBS, outputs_of, inputs_of),
            GRAPH_LIBRARIES,
        ),
    message:
        "Graph of the rules"
    shell:
        "python scripts/draw_rule_graph.py --settings {params.settings:q} --code {params.code}"
        " --svg {output.svg} --pdf {output.pdf} --manifest {output.manifest} 2> {log}"
