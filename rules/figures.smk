from ecslm.figures.inputs import input_files
from ecslm.figures.scores import scores_modules
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
        svg=report(
            expand("<results>/figures/{figure}.svg", figure=FIGURES),
            caption="../report/captions/figure.rst",
            category="Figures",
        ),
        pdf=expand("<results>/figures/{figure}.pdf", figure=FIGURES),
        manifest="<results>/figures/manifest.json",
    log:
        "<results>/logs/draw_figures.log",
    params:
        settings=settings(lambda job: figures_settings(STUDY)),
        code=code("draw_figures.py", lambda job: scores_modules(figures_settings(STUDY))),
        versions=versions(DRAWING_LIBRARIES),
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
        svg=report(
            "<results>/figures/rule_graph.svg",
            caption="../report/captions/rule_graph.rst",
            category="Figures",
        ),
        pdf="<results>/figures/rule_graph.pdf",
        manifest="<results>/figures/rule_graph.manifest.json",
    log:
        "<results>/logs/draw_rule_graph.log",
    params:
        settings=settings(lambda job: rule_graph(JOBS, outputs_of, inputs_of)),
        code=code("draw_rule_graph.py"),
        versions=versions(GRAPH_LIBRARIES),
    message:
        "Graph of the rules"
    shell:
        "python scripts/draw_rule_graph.py --settings {params.settings:q} --code {params.code}"
        " --svg {output.svg} --pdf {output.pdf} --manifest {output.manifest} 2> {log}"
