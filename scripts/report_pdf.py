"""Compile a study's report to PDF; needs latexmk."""

from collections.abc import Sequence
from pathlib import Path

from ecslm.common.manifests import verify_result
from ecslm.reports.document import compile_pdf
from ecslm.script import Origin, OutputFile, job, run_script


@job()
def main(origin: Origin, tex: Path, pdf: OutputFile, parts: Sequence[Path] = ()) -> None:
    """
    Args:
        tex: document, next to tables/ and figures/
        pdf: PDF to write
        parts: tables and figures that it contains
    """
    for path in (tex, *parts):
        verify_result(path)
        # Figures have one in common.
        verify_result(path, path.with_name("manifest.json"))
    origin.reads(tex, *parts)
    compile_pdf(tex, pdf)
    # Not report.manifest.json: that is the page's.
    origin.wrote([pdf], pdf.with_suffix(".pdf.manifest.json"))


if __name__ == "__main__":
    run_script(main)
