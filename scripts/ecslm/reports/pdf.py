"""The PDF: the report's LaTeX compiled by latexmk, reproducible byte for byte."""

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from ecslm.common.errors import InputError
from ecslm.common.files import remove_temporaries

# Texts of others are in the document. They are escaped; if one were not, it could run no program,
# and read and write no file outside of the document's folder.
CLOSED = {"openin_any": "p", "openout_any": "p", "shell_escape": "f"}
# pdfTeX writes into a PDF the current time, unless one is given, and an identifier derived from its
# path, unless that is emptied.
FIXED_TIME = {"SOURCE_DATE_EPOCH": "0", "FORCE_SOURCE_DATE": "1"}


def compile_pdf(tex: Path, pdf: Path) -> None:
    """Compile `tex` in its own directory, so that it finds its fragments, and write `pdf`.

    Raises:
        InputError: latexmk is missing, or LaTeX reports an error.
    """
    latexmk = shutil.which("latexmk")
    if latexmk is None:
        raise InputError(
            "latexmk: not installed; on Debian or Ubuntu: apt-get install --no-install-recommends "
            "latexmk texlive-latex-recommended texlive-science"
        )
    if not tex.is_file():
        raise InputError(f"{tex}: no such file")
    pdf.parent.mkdir(parents=True, exist_ok=True)
    remove_temporaries(pdf)
    with tempfile.TemporaryDirectory(dir=pdf.parent, prefix=f".{pdf.name}.") as folder:
        run = subprocess.run(
            [
                latexmk,
                "-norc",
                r"-usepretex=\pdftrailerid{}",
                "-pdf",
                "-latexoption=-no-shell-escape",
                "-interaction=nonstopmode",
                "-halt-on-error",
                "-file-line-error",
                f"-output-directory={Path(folder).resolve()}",
                tex.name,
            ],
            cwd=tex.parent,
            env={**os.environ, **FIXED_TIME, **CLOSED},
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
        made = Path(folder) / f"{tex.stem}.pdf"
        if run.returncode or not made.is_file():
            raise InputError(f"{tex}: LaTeX failed: {_first_error(run.stdout + run.stderr)}")
        made.replace(pdf)


def _first_error(output: str) -> str:
    """The first error line of LaTeX: `! message` or `file:line: message`."""
    for line in output.splitlines():
        if re.match(r"! |\S+:\d+: ", line):
            return line.strip()
    return (output.strip().splitlines() or ["no message"])[-1]
