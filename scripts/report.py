"""Build a study's report: one web page, and a LaTeX document of all tables and figures."""

from pathlib import Path

from ecslm.common.commit import project_commit
from ecslm.reports.content import read_content
from ecslm.reports.document import render_document
from ecslm.reports.page import render_page
from ecslm.reports.settings import ReportSettings, base_names, report_files
from ecslm.schemas.paths import BASE
from ecslm.script import Origin, OutputFile, job, run_script


@job()
def main(
    origin: Origin,
    settings: ReportSettings,
    results: Path,
    bases: Path,
    html_template: Path,
    style: Path,
    script: Path,
    tex_template: Path,
    html: OutputFile,
    tex: OutputFile,
) -> None:
    """
    Args:
        settings: what the report shows: JSON or @FILE
        results: results directory of the study, as results/demo
        bases: directory of the bases' manifests
        html_template: Jinja template of the page
        style: CSS of the page
        script: JavaScript of the page
        tex_template: Jinja template of the document
        html: page to write, in the results directory
        tex: document to write, in the results directory
    """
    origin.reads(*(results / path for path in report_files(settings)))
    origin.reads(*(bases / BASE.format(base=base) for base in base_names(settings)))
    origin.reads(html_template, style, script, tex_template)
    content = read_content(settings, results, bases, project_commit(html_template.parent))
    page = render_page(content, results, template=html_template, style=style, script=script)
    origin.writes({html: page, tex: render_document(content, tex_template)})


if __name__ == "__main__":
    run_script(main)
