"""Every table of the demo and of the paper in a document of two columns, of 219 pt each."""

import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

from support.study_tables import fragments, study_tables

# Size of the text in the proceedings of computational linguistics; 650 pt is letter paper's.
HEAD = r"""\documentclass[twocolumn]{article}
\usepackage[textwidth=455.24pt,textheight=650pt]{geometry}
\setlength{\columnsep}{17.07pt}
\usepackage{booktabs}
\usepackage{siunitx}
\begin{document}
"""
TOO_WIDE = r"\noindent\rule{250pt}{1pt}\clearpage"
PROBLEM = re.compile(r"Overfull \\hbox \([\d.]+pt too wide\)|Float too large.*")


def test_no_table_is_too_wide_for_its_columns_or_too_high_for_a_page(tmp_path: Path) -> None:
    demo, tables = (study_tables(study, tmp_path / study) for study in ("demo", "paper"))
    # Those that look unlike the paper's.
    tables |= {f"demo-{name}": demo[name] for name in ("claims", "comparisons", "ind")}
    lines = [HEAD, r"\typeout{TABLE none}", TOO_WIDE]
    for name, table in tables.items():
        # The others are like the first or the last, and LaTeX takes a second for 400 numbers.
        made, _ = fragments(replace(table, panels=table.panels[:1] + table.panels[1:][-1:]))
        lines += [rf"\typeout{{TABLE {name}}}", made, r"\clearpage"]
    (tmp_path / "whole.tex").write_text("\n".join([*lines, r"\end{document}"]))
    command = ["pdflatex", "-draftmode", "-interaction=nonstopmode", "-halt-on-error", "whole.tex"]
    assert shutil.which("pdflatex"), "pdflatex is missing: see README.md"
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    _, *logs = (tmp_path / "whole.log").read_text(errors="replace").split("TABLE ")
    reported = {log.split()[0]: PROBLEM.findall(log) for log in logs}
    # What is no table shows that the log is read as it should be.
    assert reported.pop("none") == [r"Overfull \hbox (30.91501pt too wide)"]
    assert len(reported) == len(tables) > 15
    assert {name: found for name, found in reported.items() if found} == {}
