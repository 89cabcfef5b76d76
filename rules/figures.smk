DRAW_FIGURES = planned("draw_figures")
DRAW_RULE_GRAPH = planned("draw_rule_graph")


rule draw_figures:
    """step: draw all figures of scores and training"""
    input:
        results=DRAW_FIGURES.input("results"),
        published=DRAW_FIGURES.input("published"),
        sizes=DRAW_FIGURES.input("sizes"),
    output:
        svg=report(
            DRAW_FIGURES.output("svg"), caption="../report/captions/figure.rst", category="Figures"
        ),
        pdf=DRAW_FIGURES.output("pdf"),
        manifest=DRAW_FIGURES.output("manifest"),
    log:
        f"{RESULTS}/logs/draw_figures.log",
    conda:
        "../envs/ecslm.yaml"
    params:
        settings=DRAW_FIGURES.settings,
        code=DRAW_FIGURES.code,
        versions=DRAW_FIGURES.versions,
        results=lambda wildcards: RESULTS,
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
            DRAW_RULE_GRAPH.output("svg"),
            caption="../report/captions/rule_graph.rst",
            category="Figures",
        ),
        pdf=DRAW_RULE_GRAPH.output("pdf"),
        manifest=DRAW_RULE_GRAPH.output("manifest"),
    log:
        f"{RESULTS}/logs/draw_rule_graph.log",
    conda:
        "../envs/ecslm.yaml"
    params:
        settings=DRAW_RULE_GRAPH.settings,
        code=DRAW_RULE_GRAPH.code,
        versions=DRAW_RULE_GRAPH.versions,
    message:
        "Graph of the rules"
    shell:
        "python scripts/draw_rule_graph.py --settings {params.settings:q} --code {params.code}"
        " --svg {output.svg} --pdf {output.pdf} --manifest {output.manifest} 2> {log}"
