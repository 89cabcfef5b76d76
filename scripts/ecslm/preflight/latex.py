"""Checks whether there is what the PDF of the report needs."""

import shutil
from collections.abc import Iterator

from ecslm.preflight.findings import Finding, ok, warning
from ecslm.preflight.planned_run import PlannedRun

PACKAGES = "latexmk texlive-latex-recommended texlive-science"


def check_latex(_run: PlannedRun) -> Iterator[Finding]:
    """Whether latexmk is installed."""
    if shutil.which("latexmk") is not None:
        yield ok("latexmk is installed")
        return
    yield warning(
        "not installed: `snakemake -- report` cannot make the PDF; everything else can be made",
        "latexmk",
        f"on Debian or Ubuntu: apt-get install --no-install-recommends {PACKAGES}",
    )
