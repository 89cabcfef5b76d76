from ecslm.plan.report import figures_settings

FIGURES = [figure.name for figure in figures_settings(STUDY).names()]


rule draw_figures:
    """step: draw all figures of scores and training"""
    input:
        results=lambda job: of_study(figures_settings(STUDY).files()),
        style="report/figures.mplstyle",
    output:
        svg=shown(expand("<results>/figures/{figure}.svg", figure=FIGURES), "Figures", "figure"),
        pdf=expand("<results>/figures/{figure}.pdf", figure=FIGURES),
        manifest="<results>/figures/manifest.json",
    params:
        **gathered_by("draw_figures.py", figures_settings),
    shell:
        "python scripts/draw_figures.py --settings {params.settings:q} --results {params.results}"
        " --style {input.style} --code {params.code} --manifest {output.manifest} 2> {log}"
