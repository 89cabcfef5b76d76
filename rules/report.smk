from ecslm.plan.report import report_settings
from ecslm.plan.tables import in_report_order, table_resources, table_settings
from ecslm.reports.settings import base_names, report_files
from ecslm.schemas.paths import BASES

TABLES = [*in_report_order(STUDY)]
# For Snakemake's own reports.
config["captions"] = {name: one.caption for name, one in STUDY.settings.tables.items()}


rule render_table:
    """step: make one LaTeX table"""
    input:
        results=lambda job: of_study(STUDY.settings.tables[job.table].files),
        template="report/tabular.tex.jinja",
        float_template="report/float.tex.jinja",
        resources=lambda job: list(table_resources(STUDY, job.table).values()),
    output:
        tex=shown("<results>/tables/{table}.tex", "Tables", "table", table="{table}"),
        tabular="<results>/tables/{table}.tabular.tex",
        json="<results>/tables/{table}.json",
        manifest="<results>/tables/{table}.manifest.json",
    params:
        **gathered_by("render_table.py", table_settings),
        # Files of the repository that only some kinds of table read, which are inputs already.
        resources=lambda wildcards, input: options(**table_resources(STUDY, wildcards.table)),
    shell:
        "python scripts/render_table.py --table {wildcards.table} --template {input.template}"
        " --float-template {input.float_template} --results {params.results} {params.resources}"
        " --settings {params.settings:q} --code {params.code} --tex {output.tex}"
        " --tabular {output.tabular} --json {output.json} --manifest {output.manifest} 2> {log}"


rule report_page:
    """step: make the report as one HTML page that opens offline"""
    input:
        results=lambda job: [
            *of_study(report_files(report_settings(STUDY))),
            *map(STUDY.base, base_names(report_settings(STUDY))),
        ],
        page="report/report.html.jinja",
        style="report/report.css",
        script="report/report.js",
        document="report/report.tex.jinja",
    output:
        html=shown("<results>/report.html", "Report", "page", form="page"),
        tex="<results>/report.tex",
        manifest="<results>/report.manifest.json",
    params:
        **gathered_by("report.py", report_settings),
        bases=lambda wildcards: str(BASES),
    shell:
        "python scripts/report.py --settings {params.settings:q} --results {params.results}"
        " --bases {params.bases} --html-template {input.page} --style {input.style}"
        " --script {input.script} --tex-template {input.document} --code {params.code}"
        " --html {output.html} --tex {output.tex} --manifest {output.manifest} 2> {log}"


rule report_pdf:
    """step: make the report as a PDF, which needs LaTeX"""
    input:
        document="<results>/report.tex",
        parts=[
            *expand("<results>/tables/{table}.tex", table=TABLES),
            *expand("<results>/figures/{figure}.pdf", figure=FIGURES),
        ],
    output:
        pdf=shown("<results>/report.pdf", "Report", "pdf", form="PDF"),
        manifest="<results>/report.pdf.manifest.json",
    params:
        **made_by("report_pdf.py"),
    shell:
        "python scripts/report_pdf.py --tex {input.document} --parts {input.parts}"
        " --code {params.code} --pdf {output.pdf} --manifest {output.manifest} 2> {log}"
