"""Every table of the demo and of the paper in a document of two columns, of 219 pt each."""

import re
import shutil
import subprocess
from dataclasses import replace

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
# To see that the log is read as it should be.
TOO_WIDE = r"\noindent\rule{250pt}{1pt}\clearpage"
REPORTED = re.compile(r"TABLE (\S+)|(Overfull \\hbox \([\d.]+pt too wide\)|Float too large.*)")


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Table]]:
    """The tables of the shipped studies."""
    folder = tmp_path_factory.mktemp("tables")
    return {study: study_tables(study, folder / study) for study in ("demo", "paper")}


@pytest.fixture(scope="module")
def problems(
    tables: dict[str, dict[str, Table]], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, list[str]]:
    """What LaTeX reports of each table: boxes that are too wide, floats that are too high."""
    folder = tmp_path_factory.mktemp("two_columns")
    lines = [HEAD, r"\typeout{TABLE none}", TOO_WIDE]
    for study, of_study in tables.items():
        for name, table in of_study.items():
            # The others are like the first or the last, and LaTeX takes a second for 400 numbers.
            panels = table.panels if study == "demo" else table.panels[:1] + table.panels[1:][-1:]
            made = fragments(replace(table, panels=panels))
            lines.append(rf"\typeout{{TABLE {study}/{name}}}")
            lines.append(made.floats + r"\clearpage")
    (folder / "whole.tex").write_text("\n".join([*lines, r"\end{document}"]))
    command = ["pdflatex", "-draftmode", "-interaction=nonstopmode", "-halt-on-error", "whole.tex"]
    assert shutil.which("pdflatex"), "pdflatex is missing: see README.md"
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return by_table((folder / "whole.log").read_text(errors="replace"))


def by_table(log: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    table = ""
    for name, problem in REPORTED.findall(log):
        if name:
            table = name
            found[table] = []
        else:
            found[table].append(problem)
    return found


def test_a_box_that_is_too_wide_is_noticed(problems: dict[str, list[str]]) -> None:
    (found,) = problems["none"]
    assert found.startswith(r"Overfull \hbox (30.915")


def test_no_table_is_too_wide_for_its_columns_or_too_high_for_a_page(
    problems: dict[str, list[str]],
) -> None:
    assert len(problems) > 15
    assert {name: found for name, found in problems.items() if name != "none" and found} == {}


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
