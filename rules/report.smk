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
        manifest=f"{RESULTS}/tables/{{table}}.manifest.json",
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
        " --code {params.code} --tex {output.tex} --json {output.json}"
        " --manifest {output.manifest} 2> {log}"


rule report_page:
    input:
        results=DRAWN.report_inputs(),
        page="report/report.html.jinja",
        document="report/report.tex.jinja",
    output:
        html=report(f"{RESULTS}/report.html", caption="../report/captions/page.rst"),
        tex=f"{RESULTS}/report.tex",
        manifest=f"{RESULTS}/report.manifest.json",
    log:
        f"{RESULTS}/logs/report_page.log",
    conda:
        "../envs/ecslm.yaml"
    params:
        settings=DRAWN.report_settings(),
        code=DRAWN.report_code(),
        results=lambda wildcards: RESULTS,
        bases=lambda wildcards: str(BASES),
    message:
        "Report"
    shell:
        "python scripts/report.py --settings {params.settings:q} --results {params.results}"
        " --bases {params.bases} --html-template {input.page} --tex-template {input.document}"
        " --code {params.code} --html {output.html} --tex {output.tex}"
        " --manifest {output.manifest} 2> {log}"


rule report_pdf:
    input:
        document=rules.report_page.output.tex,
        tables=DRAWN.table_files(),
    output:
        pdf=report(f"{RESULTS}/report.pdf", caption="../report/captions/pdf.rst"),
        manifest=f"{RESULTS}/report.pdf.manifest.json",
    log:
        f"{RESULTS}/logs/report_pdf.log",
    conda:
        "../envs/ecslm.yaml"
    params:
        code=code_parameter("report_pdf.py"),
    message:
        "Report as PDF"
    shell:
        "python scripts/report_pdf.py --tex {input.document} --tables {input.tables}"
        " --code {params.code} --pdf {output.pdf} --manifest {output.manifest} 2> {log}"
