rule render_table:
    input:
        results=lambda wildcards: DRAWN.table_inputs(wildcards.table),
        template=lambda wildcards: DRAWN.template(wildcards.table),
        resources=lambda wildcards: list(DRAWN.table_resources(wildcards.table).values()),
    output:
        tex=report(
            f"{RESULTS}/tables/{{table}}.tex",
            caption="../report/captions/table.rst",
            category="Tables",
        ),
        json=f"{RESULTS}/tables/{{table}}.json",
    log:
        f"{RESULTS}/logs/render_table/{{table}}.log",
    conda:
        "../envs/ecslm.yaml"
    params:
        settings=parameter(DRAWN.table_settings, "table"),
        code=lambda wildcards: DRAWN.table_code(wildcards.table),
        results=lambda wildcards: RESULTS,
        resources=table_options,
    message:
        "Table {wildcards.table}"
    shell:
        "python scripts/render_table.py --table {wildcards.table} --template {input.template}"
        " --results {params.results} {params.resources} --settings {params.settings:q}"
        " --tex {output.tex} --json {output.json} 2> {log}"


rule report_page:
    input:
        results=DRAWN.report_inputs(),
        page="report/report.html.jinja",
        document="report/report.tex.jinja",
    output:
        html=report(f"{RESULTS}/report.html", caption="../report/captions/page.rst"),
        tex=f"{RESULTS}/report.tex",
    log:
        f"{RESULTS}/logs/report_page.log",
    conda:
        "../envs/ecslm.yaml"
    params:
        settings=DRAWN.report_settings(),
        code=code_parameter("report.py"),
        results=lambda wildcards: RESULTS,
        bases=lambda wildcards: BASES,
    message:
        "Report"
    shell:
        "python scripts/report.py --settings {params.settings:q} --results {params.results}"
        " --bases {params.bases} --html-template {input.page} --tex-template {input.document}"
        " --html {output.html} --tex {output.tex} 2> {log}"


rule report_pdf:
    input:
        document=rules.report_page.output.tex,
        tables=DRAWN.table_files(),
    output:
        pdf=report(f"{RESULTS}/report.pdf", caption="../report/captions/pdf.rst"),
    log:
        f"{RESULTS}/logs/report_pdf.log",
    conda:
        "../envs/ecslm.yaml"
    params:
        code=code_parameter("report_pdf.py"),
    message:
        "Report as PDF"
    shell:
        "python scripts/report_pdf.py --tex {input.document} --pdf {output.pdf} 2> {log}"
