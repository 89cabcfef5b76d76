"""Build a study's report: one web page, and a LaTeX document of all tables and figures."""

import subprocess
from contextlib import suppress
from pathlib import Path

from ecslm.reports.content import read_content
from ecslm.reports.document import render_document
from ecslm.reports.page import render_page
from ecslm.reports.settings import ReportSettings, base_names, report_files
from ecslm.schemas.paths import BASE
from ecslm.script import Origin, OutputFile, job, run_script

# The number alone, whatever names it has, and a mark where files of the project differ from it.
DESCRIBE = ("describe", "--always", "--abbrev=12", "--exclude=*", "--dirty=+")


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


def project_commit(folder: Path) -> str | None:
    """The commit that is checked out, with `+` where files of the project differ from it; None
    outside of a git repository, or without git."""
    command = ["git", "-C", str(folder), *DESCRIBE]
    with suppress(OSError):
        return subprocess.run(command, capture_output=True, text=True).stdout.strip() or None
    return None


if __name__ == "__main__":
    run_script(main)
