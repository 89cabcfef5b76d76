"""Every table of the demo and of the paper in a document of two columns, of 219 pt each."""

import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from support.study_tables import fragments, study_tables

from ecslm.tables.model import Table

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


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Table]]:
    """The tables of the shipped studies."""
    folder = tmp_path_factory.mktemp("tables")
    return {study: study_tables(study, folder / study) for study in ("demo", "paper")}


def test_no_table_is_too_wide_for_its_columns_or_too_high_for_a_page(
    tables: dict[str, dict[str, Table]], tmp_path: Path
) -> None:
    lines = [HEAD, r"\typeout{TABLE none}", TOO_WIDE]
    for study, of_study in tables.items():
        for name, table in of_study.items():
            # The others are like the first or the last, and LaTeX takes a second for 400 numbers.
            panels = table.panels[:1] + table.panels[1:][-1:]
            made = fragments(replace(table, panels=panels))
            lines += [rf"\typeout{{TABLE {study}/{name}}}", made.floats, r"\clearpage"]
    (tmp_path / "whole.tex").write_text("\n".join([*lines, r"\end{document}"]))
    command = ["pdflatex", "-draftmode", "-interaction=nonstopmode", "-halt-on-error", "whole.tex"]
    assert shutil.which("pdflatex"), "pdflatex is missing: see README.md"
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    _, *logs = (tmp_path / "whole.log").read_text(errors="replace").split("TABLE ")
    reported = {log.split()[0]: PROBLEM.findall(log) for log in logs}
    # What is no table shows that the log is read as it should be.
    assert reported.pop("none") == [r"Overfull \hbox (30.91501pt too wide)"]
    assert len(reported) > 15
    assert {name: found for name, found in reported.items() if found} == {}


@pytest.mark.parametrize("study", ["demo", "paper"])
def test_each_float_has_a_label_of_its_own(study: str, tables: dict[str, dict[str, Table]]) -> None:
    labels = []
    for name, table in tables[study].items():
        made = fragments(table)
        found = re.findall(r"\\label\{(.*?)\}", made.floats)
        assert len(found) == made.floats.count(r"\caption{") >= 1
        assert found[0] == f"tab:{name.replace('_', '-')}"
        assert made.floats.count(f"Notes: Table~\\ref{{{found[0]}}}.") == len(found) - 1
        labels += found
        assert r"\caption" not in made.tabulars
        assert made.tabulars.count(r"\begin{tabular}") == made.floats.count(r"\begin{tabular}")
    assert len(set(labels)) == len(labels)
