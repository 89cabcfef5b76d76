"""The page in a browser: one start, at two widths, light and dark, by mouse, touch and keyboard."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from support.browser import Browser, open_browser
from support.report_files import (
    page_of,
    report_settings,
    results_table,
    score_cell,
    write_results,
    write_table,
)

from ecslm.common.files import write_text
from ecslm.tables.model import Cell, HeaderCell, Interval, Panel, Row, RowGroup, Table

WIDE, NARROW = 1280, 390
TASKS = {
    "AVE": "Attribute Value Extraction",
    "PRP": "Product Relation Prediction",
    "PM": "Product Matching",
    "SA": "Sentiment Analysis",
    "SR": "Sequential Recommendation",
    "MPC": "Multiclass Product Classification",
    "PSI": "Product Substitute Identification",
    "QPR": "Query Product Ranking",
    "AP": "Answerability Prediction",
    "AG": "Answer Generation",
}
MODELS = (
    "SmolLM2-1.7B-EC-likelihood-bytes",
    "Mistral-7B Instruct-v0.2",
    "SmolLM2-360M-EC (published)",
)
COMPARED = "SmolLM2-1.7B-EC-10pct against SmolLM2-1.7B-EC-1pct"


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a small study, with tables as wide as the paper's."""
    study = write_results(tmp_path_factory.mktemp("page") / "demo")
    write_table(study, wide_table("wide", *MODELS))
    write_table(study, wide_table("differences", COMPARED, detail="difference"))
    ind = results_table()
    (panel,) = ind.panels
    (group,) = panel.groups
    many = [Row(f"Model {n}", "model", (score_cell("Small", 0, n / 10),)) for n in range(9)]
    groups = (group, RowGroup("Many", tuple(many)))
    write_table(study, replace(ind, panels=(replace(panel, groups=groups),)))
    tables = [{"name": "ind", "kind": "results", "setting": "IND_Diverse_Instruction"}]
    tables += [{"name": name, "kind": "other"} for name in ("wide", "differences")]
    tasks = [
        {"code": code, "title": title, "metric": "binary_f1", "measure": "F1"}
        for code, title in TASKS.items()
    ]
    text = page_of(study, report_settings(tables=tables, tasks=tasks))
    write_text(study / "report.html", text)
    return study / "report.html"


def wide_table(name: str, *rows: str, detail: str = "") -> Table:
    """A table of all tasks whose cells are as long as cells become."""
    cell = Cell(-0.123, "-0.123", Interval(-0.123, 0.456, reliable=False), sd=0.123)
    columns = tuple(HeaderCell(code, code, "macro-F1") for code in TASKS)
    made = tuple(Row(row, "model", (cell,) * len(columns), detail) for row in rows)
    panels = (Panel("A title", "Model", columns, (RowGroup("All", made),)),)
    return Table(name, "other", f"Table {name}", f"tab:{name}", panels, ("A note.",))


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A browser."""
    with open_browser(tmp_path_factory.mktemp("browser")) as opened:
        yield opened


@pytest.mark.parametrize("mode", ["light", "dark"])
@pytest.mark.parametrize("width", [WIDE, NARROW])
def test_the_page_asks_for_nothing_and_says_nothing_to_the_console(
    browser: Browser, page: Path, width: int, mode: str
) -> None:
    browser.told.clear()
    browser.asked.clear()
    browser.open(page, width, mode)  # type: ignore[arg-type]
    assert browser.told == []
    assert set(browser.asked) == {page.as_uri()}
    assert browser.run("document.documentElement.scrollWidth") <= width, "nothing beside the page"
    paper = browser.run("getComputedStyle(document.body).backgroundColor")
    assert paper == ("rgb(255, 255, 255)" if mode == "light" else "rgb(20, 24, 29)")
    ink = browser.run("getComputedStyle(document.querySelector('figure use')).stroke")
    assert ink == browser.run("getComputedStyle(document.body).color")


def test_no_column_is_cut_on_a_screen(browser: Browser, page: Path) -> None:
    browser.open(page, WIDE)
    cut = "[...document.querySelectorAll('.scroll')].filter(e => e.scrollWidth > e.clientWidth + 1)"
    assert browser.run(f"{cut}.map(e => e.ariaLabel)") == []


def test_the_names_of_rows_take_few_lines_and_little_room_on_a_phone(
    browser: Browser, page: Path
) -> None:
    browser.open(page, NARROW)
    heads = "[...document.querySelectorAll('tbody th.row')]"
    lines = (
        "(e => { const r = document.createRange(); r.selectNodeContents(e);"
        " return new Set([...r.getClientRects()].map(q => Math.round(q.top))).size; })"
    )
    assert browser.run(f"Math.max(...{heads}.map({lines}))") <= 4
    assert browser.run(f"Math.max(...{heads}.map(e => e.offsetWidth))") <= NARROW / 2


def test_a_column_sorts_the_rows_down_up_and_back(browser: Browser, page: Path) -> None:
    browser.open(page, WIDE)
    names = "[...document.querySelectorAll('#ind tbody tr[data-name]')].map(e => e.dataset.name)"
    before = browser.run(names)
    found = []
    for _ in range(3):
        browser.run("document.querySelectorAll('#ind button.sort')[1].click()")
        found.append(browser.run(names))
    assert [order[0] for order in found] == ["Model 8", "Model 0", before[0]]
    assert found[2] == before
    assert sorted(found[0]) == sorted(before)


def test_rows_are_filtered_by_words(browser: Browser, page: Path) -> None:
    browser.open(page, WIDE)
    browser.run(
        "(() => { const e = document.querySelector('#ind .filter'); e.value = 'many 7';"
        " e.dispatchEvent(new Event('input')); })()"
    )
    shown = "[...document.querySelectorAll('#ind tbody tr:not([hidden])')].map(e => e.dataset.name)"
    # The title of a group without rows is gone too.
    assert browser.run(shown) == [None, "Model 7"]


DETAILS = "document.getElementById('details')"


def test_a_cell_opens_by_key_and_leads_to_the_records_of_its_model(
    browser: Browser, page: Path
) -> None:
    browser.open(page, WIDE)
    browser.run("document.querySelector('#ind tr[data-name=Small-EC] button.cell').focus()")
    browser.press("Enter", "Enter", 13)
    assert browser.run(f"{DETAILS}.open")
    text = browser.run(f"{DETAILS}.textContent")
    for part in ("Product Matching: 0.700", "metrics/Small-EC/seed-42/PM.json", "Records", "200"):
        assert part in text
    assert browser.run(f"[...{DETAILS}.querySelectorAll('li')].map(e => e.textContent[0])") == [
        *("r", "i")
    ], "right, invalid"
    browser.run(f"{DETAILS}.querySelector('li a').click()")
    assert browser.run(f"{DETAILS}.open") is False
    assert browser.run("document.querySelector('.sample').open")


def test_what_a_cell_has_opened_closes_by_escape(browser: Browser, page: Path) -> None:
    browser.open(page, WIDE)
    browser.run("document.querySelector('button.cell').click()")
    browser.press("Escape", "Escape", 27)
    assert browser.run(f"{DETAILS}.open") is False


def test_a_cell_opens_by_touch(browser: Browser, page: Path) -> None:
    browser.open(page, NARROW)
    browser.tap("#ind tr[data-name=Small] button.cell")
    assert "metrics/Small/seed-0/PM.json" in browser.run(f"{DETAILS}.textContent")


def test_records_are_searched(browser: Browser, page: Path) -> None:
    browser.open(page, WIDE)
    browser.run(
        "(() => { const e = document.getElementById('query'); e.value = 'nothing like it';"
        " e.dispatchEvent(new Event('input')); })()"
    )
    assert browser.run("document.getElementById('count').value") == "0 of 2 shown"


def test_the_page_prints(browser: Browser, page: Path) -> None:
    browser.open(page, WIDE)
    assert browser.pdf().startswith(b"%PDF")
    browser.call("Emulation.setEmulatedMedia", media="print")
    assert browser.run("getComputedStyle(document.querySelector('nav')).display") == "none"
    browser.call("Emulation.setEmulatedMedia", media="")
