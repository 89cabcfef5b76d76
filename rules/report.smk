RENDER_TABLE = planned("render_table")
REPORT_PAGE = planned("report_page")
REPORT_PDF = planned("report_pdf")


rule render_table:
    """step: make one LaTeX table"""
    input:
        results=RENDER_TABLE.input("results"),
        template=RENDER_TABLE.input("template"),
        float_template=RENDER_TABLE.input("float_template"),
        resources=RENDER_TABLE.input("resources"),
    output:
        tex=report(
            RENDER_TABLE.output("tex"),
            caption="../report/captions/table.rst",
            category="Tables",
            labels={"table": "{table}"},
        ),
        tabular=RENDER_TABLE.output("tabular"),
        json=RENDER_TABLE.output("json"),
        manifest=RENDER_TABLE.output("manifest"),
    log:
        f"{RESULTS}/logs/render_table/{{table}}.log",
    conda:
        "../envs/ecslm.yaml"
    params:
        settings=RENDER_TABLE.settings,
        code=RENDER_TABLE.code,
        versions=RENDER_TABLE.versions,
        results=lambda wildcards: RESULTS,
        resources=table_resources,
    message:
        "Table {wildcards.table}"
    shell:
        "python scripts/render_table.py --table {wildcards.table} --template {input.template}"
        " --float-template {input.float_template}"
        " --results {params.results} {params.resources} --settings {params.settings:q}"
        " --code {params.code} --tex {output.tex} --tabular {output.tabular}"
        " --json {output.json} --manifest {output.manifest} 2> {log}"


rule report_page:
    """step: make the report as one HTML page that opens offline"""
    input:
        results=REPORT_PAGE.input("results"),
        page=REPORT_PAGE.input("page"),
        style=REPORT_PAGE.input("style"),
        script=REPORT_PAGE.input("script"),
        document=REPORT_PAGE.input("document"),
    output:
        html=report(
            REPORT_PAGE.output("html"),
            caption="../report/captions/page.rst",
            category="Report",
            labels={"form": "page"},
        ),
        tex=REPORT_PAGE.output("tex"),
        manifest=REPORT_PAGE.output("manifest"),
    log:
        f"{RESULTS}/logs/report_page.log",
    conda:
        "../envs/ecslm.yaml"
    params:
        settings=REPORT_PAGE.settings,
        code=REPORT_PAGE.code,
        versions=REPORT_PAGE.versions,
        results=lambda wildcards: RESULTS,
        bases=lambda wildcards: str(BASES),
    message:
        "Report"
    shell:
        "python scripts/report.py --settings {params.settings:q} --results {params.results}"
        " --bases {params.bases} --html-template {input.page} --style {input.style}"
        " --script {input.script} --tex-template {input.document}"
        " --code {params.code} --html {output.html} --tex {output.tex}"
        " --manifest {output.manifest} 2> {log}"


rule report_pdf:
    """step: make the report as a PDF, which needs LaTeX"""
    input:
        document=REPORT_PDF.input("document"),
        parts=REPORT_PDF.input("parts"),
    output:
        pdf=report(
            REPORT_PDF.output("pdf"),
            caption="../report/captions/pdf.rst",
            category="Report",
            labels={"form": "PDF"},
        ),
        manifest=REPORT_PDF.output("manifest"),
    log:
        f"{RESULTS}/logs/report_pdf.log",
    conda:
        "../envs/ecslm.yaml"
    params:
        code=REPORT_PDF.code,
    message:
        "Report as PDF"
    shell:
        "python scripts/report_pdf.py --tex {input.document} --parts {input.parts}"
        " --code {params.code} --pdf {output.pdf} --manifest {output.manifest} 2> {log}"
