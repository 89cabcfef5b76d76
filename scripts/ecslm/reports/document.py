"""The report as a LaTeX document, which inputs tables and figures, and its PDF.

The PDF is compiled by latexmk and reproducible byte for byte.
"""

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from ecslm.common.errors import InputError
from ecslm.common.files import remove_temporaries
from ecslm.reports.content import Content
from ecslm.tables.latex import Tex, render

OPTIONS = (
    *("-norc", r"-usepretex=\pdftrailerid{}", "-pdf", "-latexoption=-no-shell-escape"),
    *("-interaction=nonstopmode", "-halt-on-error", "-file-line-error"),
)
ENVIRONMENT = {
    # pdfTeX writes into a PDF the current time, unless one is given, and an identifier derived from
    # its path, unless that is emptied as above.
    **{"SOURCE_DATE_EPOCH": "0", "FORCE_SOURCE_DATE": "1"},
    # Texts of others are in the document. They are escaped; if one were not, it could run no
    # program, and read and write no file outside of the document's folder.
    **{"openin_any": "p", "openout_any": "p", "shell_escape": "f"},
}


def render_document(content: Content, template: Path) -> str:
    """The document's text. Like all results but those of costs, it has no clock values.

    Raises:
        InputError: the template is missing or invalid.
    """
    # `tex`: of what a macro of the template returns, whose values are escaped already.
    return render(template, content=content, tex=Tex)


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
    pdf.parent.mkdir(parents=True, exist_ok=True)
    remove_temporaries(pdf)
    with tempfile.TemporaryDirectory(dir=pdf.parent, prefix=f".{pdf.name}.") as folder:
        run = subprocess.run(
            [latexmk, *OPTIONS, f"-output-directory={Path(folder).resolve()}", tex.name],
            cwd=tex.parent,
            env={**os.environ, **ENVIRONMENT},
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
        made = Path(folder) / f"{tex.stem}.pdf"
        if run.returncode or not made.is_file():
            lines = (run.stdout + run.stderr).strip().splitlines() or ["no message"]
            # The first error, `! message` or `file:line: message`.
            errors = (line.strip() for line in lines if re.match(r"! |\S+:\d+: ", line))
            error = next(errors, lines[-1])
            if "Unicode character" in error:
                error += ": use Latin letters in titles, captions and names of the configuration"
            raise InputError(f"{tex}: LaTeX failed: {error}")
        made.replace(pdf)
