"""The page in a browser: one start, at two widths, light and dark, by mouse, touch and keyboard."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from support.browser import Browser, open_browser
from support.report_files import (
    claims_table,
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
    write_table(study, many_claims())
    cost = study / "predictions/Small-EC/seed-42/PM.cost.json"
    for code in TASKS:
        cost.with_name(f"{code}.cost.json").write_text(cost.read_text())
    metric = {"metric": "F1", "answer": "yes_no"}
    tasks = {code: {"title": title, **metric} for code, title in TASKS.items()}
    settings = report_settings(
        tables=["claims", "ind", "wide", "differences"],
        settings_of={name: ["IND_Diverse_Instruction"] for name in ("claims", "ind")},
        context={"tasks": tasks},
        tasks=list(TASKS),
        question="Which small language model is good enough for an online shop, and at what cost?",
    )
    write_text(study / "report.html", page_of(study, settings))
    return study / "report.html"


def many_claims() -> Table:
    """A table of claims about all tasks; costs are those of one."""
    table = claims_table(Cell(0.2, "0.200", marks=("significant",)))
    (panel,) = table.panels
    (row,) = panel.rows
    rows = tuple(replace(row, name=code) for code in TASKS)
    return replace(table, panels=(replace(panel, groups=(RowGroup("", rows),)),))


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
    browser.run("document.querySelectorAll('details').forEach(e => e.open = true)")
    ink = browser.run("getComputedStyle(document.querySelector('figure use')).stroke")
    assert ink == browser.run("getComputedStyle(document.body).color")


OPEN_ALL = "document.querySelectorAll('details').forEach(e => e.open = true)"
STOPS = (
    "[...document.querySelectorAll('a[href], button, input, select, summary, [tabindex]')]"
    ".filter(e => e.tabIndex >= 0 && e.checkVisibility())"
)


def test_the_answer_and_the_costs_of_ten_tasks_need_no_scrolling(
    browser: Browser, page: Path
) -> None:
    browser.open(page, WIDE)
    assert browser.run("document.querySelectorAll('.verdict tbody tr').length") == len(TASKS)
    assert browser.run("document.querySelector('.costs').getBoundingClientRect().bottom") <= 800
    bar = "document.querySelector('.bar .own').getBoundingClientRect().width"
    rail = "document.querySelector('.bar .rail').getBoundingClientRect().width"
    assert browser.run(f"{bar} / {rail}") == pytest.approx(0.7, abs=0.01)


@pytest.mark.parametrize("width", [WIDE, NARROW])
def test_the_tab_key_stops_rarely_and_what_it_stops_at_can_be_touched(
    browser: Browser, page: Path, width: int
) -> None:
    browser.open(page, width)
    assert browser.run(f"{STOPS}.length") <= 30
    browser.run(OPEN_ALL)
    assert browser.run(f"{STOPS}.length") <= 50
    small = "e.getBoundingClientRect().height < 24 || e.getBoundingClientRect().width < 24"
    # The link that skips is seen when it has the focus.
    found = browser.run(f"{STOPS}.filter(e => {small}).map(e => e.textContent.trim())")
    assert found == ["Skip to the answer"]
    assert browser.run("document.documentElement.scrollWidth") <= width


def test_arrows_lead_from_number_to_number(browser: Browser, page: Path) -> None:
    browser.open(page, WIDE)
    browser.run(OPEN_ALL)
    browser.run("document.querySelector('#ind button.sort').focus()")
    browser.press("ArrowRight", "ArrowRight", 39)
    assert browser.run("document.activeElement.textContent") == "Product Matching"
    browser.press("ArrowDown", "ArrowDown", 40)
    assert browser.run("document.activeElement.textContent") == "0.400"
    assert browser.run("document.activeElement.tabIndex") == 0
    assert browser.run("document.querySelectorAll('#ind button[tabindex=\"0\"]').length") == 1


def test_no_column_is_cut_on_a_screen(browser: Browser, page: Path) -> None:
    browser.open(page, WIDE)
    browser.run(OPEN_ALL)
    cut = "[...document.querySelectorAll('.scroll')].filter(e => e.scrollWidth > e.clientWidth + 1)"
    assert browser.run(f"{cut}.map(e => e.textContent.slice(0, 40))") == []


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


@pytest.mark.parametrize("width", [WIDE, NARROW])
def test_a_cell_opens_at_its_title_and_leads_to_the_records_of_its_model(
    browser: Browser, page: Path, width: int
) -> None:
    browser.open(page, width)
    browser.run(OPEN_ALL)
    if width == WIDE:
        browser.run("document.querySelector('#ind tr[data-name=Small-EC] button.cell').focus()")
        browser.press("Enter", "Enter", 13)
    else:
        browser.tap("#ind tr[data-name=Small-EC] button.cell")
    assert browser.run(f"{DETAILS}.open")
    assert browser.run("document.activeElement.id") == "details-title"
    assert browser.run(f"{DETAILS}.scrollTop") == 0
    text = browser.run(f"{DETAILS}.textContent")
    for part in ("Product Matching: 0.700", "metrics/Small-EC/seed-42/PM.json", "Records", "200"):
        assert part in text
    matrix = f"[...{DETAILS}.querySelectorAll('.confusion tr')].map(e => e.textContent)"
    assert browser.run(matrix) == ["Right answeryesnoinvalid", "yes80146", "no5914"]
    assert browser.run(f"[...{DETAILS}.querySelectorAll('li')].map(e => e.textContent[0])") == [
        *("i", "r")
    ], "invalid, right"
    browser.run(f"{DETAILS}.querySelector('li a').click()")
    assert browser.run(f"{DETAILS}.open") is False
    assert browser.run("document.activeElement.className") == "sample"


def test_a_bar_opens_what_stands_behind_it_which_closes_by_escape(
    browser: Browser, page: Path
) -> None:
    browser.open(page, WIDE)
    browser.run("document.querySelector('.verdict [data-task=PM]').click()")
    assert "Small-EC, Product Matching: 0.700" in browser.run(f"{DETAILS}.textContent")
    browser.press("Escape", "Escape", 27)
    assert browser.run(f"{DETAILS}.open") is False


def test_records_are_filtered_and_the_wrong_ones_of_the_chosen_model_come_first(
    browser: Browser, page: Path
) -> None:
    browser.open(page, WIDE)
    count = "document.getElementById('count').value"

    def choose(name: str, value: str) -> list[str]:
        browser.run(
            f"(() => {{ const e = document.getElementById('{name}'); e.value = '{value}';"
            " e.dispatchEvent(new Event('input', {bubbles: true})); })()"
        )
        shown = "[...document.querySelectorAll('.sample:not([hidden])')]"
        mark = "e.querySelector('[data-model=Small-EC]').dataset.verdict"
        return list(browser.run(f"{shown}.map(e => {mark})"))

    assert choose("of-task", "") == ["invalid", "right"]
    assert choose("of-outcome", "right") == ["right"]
    assert choose("of-outcome", "wrong") == ["invalid"]
    assert choose("of-model", "Small") == ["invalid", "right"], "it is wrong in both"
    assert choose("query", "nothing like it") == []
    assert browser.run(count) == "0 of 2 shown"
    choose("query", "")
    assert choose("of-task", "SA") == []


def test_the_page_prints_all_of_it(browser: Browser, page: Path) -> None:
    browser.open(page, WIDE)
    assert browser.pdf().startswith(b"%PDF")
    assert browser.run("[...document.querySelectorAll('details')].every(e => e.open)")
    browser.call("Emulation.setEmulatedMedia", media="print")
    assert browser.run("getComputedStyle(document.querySelector('nav')).display") == "none"
    browser.call("Emulation.setEmulatedMedia", media="")
