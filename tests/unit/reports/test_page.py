import json
import re
from dataclasses import replace
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.report_files import (
    CLAIMS,
    PAGE_FILES,
    SVG,
    claims_table,
    own_table,
    page_of,
    report_settings,
    results_table,
    write_table,
)
from support.table_files import IND, scores, write_metrics

from ecslm.common.errors import InputError
from ecslm.common.files import write_json
from ecslm.common.hashing import sha256_of_file
from ecslm.reports.content import read_content
from ecslm.reports.page import THEME, inline_svg, render_page
from ecslm.reports.settings import report_files
from ecslm.schemas.paths import FIGURES_MANIFEST
from ecslm.tables.model import Cell

OTHER = "OOD_Diverse_Instruction"


def test_question_answer_and_costs_come_before_all_tables(results: Path) -> None:
    write_table(results, claims_table(Cell(0.09, "0.090", marks=("significant",))))
    page = page_of(results, report_settings(**CLAIMS))
    parts = (
        *("<h1>Which model &amp; at what price?</h1>", "in 1 of 1 task: Product Matching."),
        *("<dd>USD 0.010", "10 min 0 s", "USD 0.060 on a CPU", "0.38 s", "95 % within 1.9 s"),
        *("Product Matching<small>finds 80 of 100 yes, 5 false alarms in 100 no", "▲ better than"),
        *('id="mistakes"', 'id="samples"', 'id="tables"', "Ours &amp; yours.", 'id="figures"'),
    )
    places = [page.index(part) for part in parts]
    assert places == sorted(places)


def test_the_bar_shows_the_values_of_the_table_and_says_them(results: Path) -> None:
    claims = claims_table(Cell(0.09, "0.090"), general=Cell(0.8, "0.800"))
    write_table(results, claims)
    page = page_of(results, report_settings(**CLAIMS))
    for drawn in (
        'aria-label="F1 0.700, 95 % interval 0.670 to 0.730; untuned 0.400; '
        'best simple baseline always-yes 0.610; best published 0.800"',
        'width="70.0%"',
        'class="interval" x1="67.0%" x2="73.0%"',
        'class="simple" x1="61.0%"',
        'class="untuned" cx="40.0%"',
        'class="general" x="80.0%"',
    ):
        assert drawn in page
    assert "best published" not in page_of(results), "of values that cannot be compared"
    assert "broken: may be too narrow" not in page, "no interval is"
    undefined = {"value": 0.0, "defined": False, "ci95": None}
    unreliable = {"details": {"interval": {"method": "bootstrap", "reliable": False}}}
    for strict, part, drawn in (
        (unreliable, "broken: may be too narrow", True),
        (unreliable, 'class="interval doubtful"', True),
        (undefined, " not compared", True),
        (undefined, 'class="own outcome', False),
    ):
        write_metrics(results, "Small-EC", "PM", {IND: scores(0.7, strict=strict)}, seed=42)
        write_table(results, claims_table(Cell(), untuned=Cell(0.0, "0.000")))
        page = page_of(results, report_settings(**CLAIMS))
        assert (part in page, 'class="untuned" cx="0.0%"' in page) == (drawn, True)


def test_behind_a_number_stand_the_counts_of_its_own_setting(results: Path) -> None:
    (panel,) = claims_table(Cell()).panels
    panels = (panel, replace(panel, float_title=""), replace(panel, float_title="out of domain"))
    write_table(results, replace(claims_table(Cell()), panels=panels))
    settings = report_settings(
        tables=["claims", "ind"],
        settings_of={"claims": [IND, OTHER]},
        context={"setting_titles": {OTHER: "out of domain"}},
    )
    found = re.findall(r'<table class="sortable" data-setting="(\w*)"', page_of(results, settings))
    assert found == [IND, IND, OTHER, ""]


def test_the_page_needs_no_network_and_no_other_file(results: Path) -> None:
    page = page_of(results)
    assert not re.findall(r"url\((?!#)|@import|<link rel=\"stylesheet|\ssrc=", page)
    names = re.findall(r'\sid="([^"]*)"', page)
    assert len(names) == len(set(names))
    for link in re.findall(r'href="([^"]*)"', page):
        assert link.startswith("data:") or link.removeprefix("#") in names
    (tex,) = re.findall(r'download="ind.tex" href="[^,]*,(.*?)"', page)
    assert unquote(tex) == "% ind\n"
    # That of a study of its own speaks of no published one.
    write_table(results, own_table())
    content = page_of(results).partition("<dialog")[0].partition("<body>")[2]
    assert not [one for one in ("published", "ecinstruct", "in domain") if one in content.lower()]


def test_a_table_without_panels_has_its_notes(results: Path) -> None:
    write_table(results, replace(own_table(), panels=(), notes=("Nothing to compare.",)))
    assert "<li>Nothing to compare.</li>" in page_of(results)


def origin_of(page: str, cell: str) -> Any:
    """The only file behind a cell."""
    found = re.search(r'<script type="application/json" id="origins">(.*?)</script>', page)
    numbers = set(re.findall(rf'data-files="(\d+)"[^>]*>{cell}', page))
    return json.loads(found[1])[int(numbers.pop())] if found else None


def test_behind_a_cell_are_the_digest_of_its_file_its_counts_and_its_method(results: Path) -> None:
    page = page_of(results)
    path = "metrics/Small-EC/seed-42/PM.json"
    origin = origin_of(page, "0.700")
    assert (origin["path"], origin["sha256"]) == (path, sha256_of_file(results / path))
    facts = origin["scores"][IND]
    assert (facts["Records"], facts["Invalid answers"]) == ("200", "10 (5.0 %)")
    assert (facts["95 % interval"], facts["Method"]) == ("0.670 to 0.730", "bootstrap")
    assert facts["Answers"]["yes"]["invalid"] == 6, "the matrix"
    assert facts["MCC"] == "0.123", "no more digits than anybody reads"
    released = "Score by the released scorer"
    assert released not in facts, "no value of the authors stands in the report"
    write_table(results, results_table(name="again", kind="reproduction"))
    page = page_of(results, report_settings(tables=["ind", "again"]))
    assert origin_of(page, "0.700")["scores"][IND][released] == "0.702"


def test_the_page_tells_where_everything_came_from(results: Path) -> None:
    page = page_of(results)
    texts = ("rev-1", "torch 2.13.0", "c0ffee", "# Data", "a shop &amp; co")
    for text in texts:
        assert text in page
    (results / "data_card.md").unlink()
    assert "<summary>Data card" not in unescape(page_of(results, report_settings(card=False)))


def test_the_inputs_of_the_report_are_known_beforehand(results: Path) -> None:
    page, files = page_of(results), set(report_files(report_settings()))
    assert all((results / path).is_file() for path in files)
    for path in filter(Path.is_file, results.rglob("*")):
        if path.relative_to(results).as_posix() not in files:
            path.unlink()
    content = read_content(report_settings(), results, results.parent / "bases", "c0ffee")
    assert render_page(content, results, **PAGE_FILES) == page
    assert files - set(report_files(report_settings(samples=0))) == {"records.parquet"}


def test_a_missing_or_altered_figure_is_refused(results: Path) -> None:
    svg = results / "figures/computation_ind.svg"
    manifest = {"inputs": {}, "settings": {}, "code": None, "versions": {}}
    write_json(results / FIGURES_MANIFEST, {**manifest, "files": {svg.name: "0" * 64}})
    with pytest.raises(InputError, match="altered"):
        page_of(results)
    svg.unlink()
    with pytest.raises(InputError, match=r"computation_ind\.svg: no such file"):
        page_of(results)


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"])))
def test_a_figure_has_its_own_names_the_pages_colours_and_a_caption_for_screen_readers(
    caption: str,
) -> None:
    found = inline_svg(SVG, "one", caption)
    for part in ('id="one-p1"', "url(#one-p1)", 'href="#one-m1"', "stroke: var(--ink)"):
        assert part in found
    assert not [words for words in (*THEME, "metadata") if words in found]
    root = ElementTree.fromstring(found)
    assert (root.attrib["viewBox"], "width" in root.attrib) == ("0 0 244 70", False)
    assert root.attrib["role"] == "img"
    assert " ".join(root.attrib["aria-label"].split()) == " ".join(caption.split())
