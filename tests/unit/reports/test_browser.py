"""The page in a browser: one start, at two widths, light and dark, by mouse, touch and keyboard."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

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
# All tasks of the paper, by titles as long as theirs.
TASKS = {
    code: f"{code} Product Extraction"
    for code in ["AVE", "PRP", "SA", "SR", "MPC", "PSI", "QPR", "AP", "AG"]
}
TASKS |= {"PM": "Product Matching"}
MODELS = ("SmolLM2-1.7B-EC-likelihood-bytes", "Mistral-7B Instruct-v0.2", "Small-EC (published)")


def all_of(selector: str, value: str) -> str:
    """A script that finds a value of each element."""
    return f"[...document.querySelectorAll({selector!r})].map(e => {value})"


OPEN_ALL = "document.querySelectorAll('details').forEach(e => e.open = true)"
STOPS = (
    "[...document.querySelectorAll('a[href], button, input, select, summary, [tabindex]')]"
    ".filter(e => e.tabIndex >= 0 && e.checkVisibility())"
)
DETAILS = "document.getElementById('details')"
NAMES = all_of("#ind tbody tr[data-name]", "e.dataset.name")


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a small study, with tables as wide as the paper's, and claims about all tasks."""
    study = write_results(tmp_path_factory.mktemp("page") / "demo")
    write_table(study, wide_table("wide", *MODELS))
    many = [Row(f"Model {n}", "model", (score_cell("Small", 0, n / 10),)) for n in range(9)]
    write_table(study, with_groups(results_table(), RowGroup("Many", tuple(many))))
    claims = claims_table(Cell(0.2, "0.200", marks=("significant",)))
    (row,) = claims.panels[0].rows
    others = [code for code in TASKS if code != "PM"]
    more = tuple(replace(row, name=code) for code in others)
    write_table(study, with_groups(claims, RowGroup("", more)))
    for code in others:
        for path in [*study.rglob("PM.*"), study / "dataset/PM/test.jsonl"]:
            copy = study / str(path.relative_to(study)).replace("PM", code)
            write_text(copy, path.read_text().replace("PM", code))
    model = {"tasks": list(TASKS), "local": True, "base": "Small"}
    tuned = model | {"seeds": [42], "adapter_of": "Small-EC", "trained": [42]}
    task = {"metric": "F1", "measure": "binary_f1"}
    settings = report_settings(
        tables=["claims", "ind", "wide"],
        settings_of={name: ["IND_Diverse_Instruction"] for name in ("claims", "ind")},
        context={
            "tasks": {code: task | {"title": title} for code, title in TASKS.items()},
            "models": {"Small": model, "Small-EC": tuned},
        },
        tasks=list(TASKS),
        question="Which small language model is good enough for an online shop, and at what cost?",
    )
    write_text(study / "report.html", page_of(study, settings))
    return study / "report.html"


def with_groups(table: Table, *more: RowGroup) -> Table:
    (panel,) = table.panels
    return replace(table, panels=(replace(panel, groups=(*panel.groups, *more)),))


def wide_table(name: str, *rows: str) -> Table:
    """A table of all tasks whose cells are as long as cells become."""
    cell = Cell(-0.123, "-0.123", Interval(-0.123, 0.456, reliable=False), sd=0.123)
    columns = tuple(HeaderCell(code, code, "macro-F1") for code in TASKS)
    made = tuple(Row(row, "model", (cell,) * len(columns), "difference") for row in rows)
    panels = (Panel("A title", "Model", columns, (RowGroup("All", made),)),)
    return Table(name, "other", f"Table {name}", f"tab:{name}", panels, ("A note.",))


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A browser."""
    with open_browser(tmp_path_factory.mktemp("browser")) as opened:
        yield opened


def type_into(browser: Browser, selector: str, value: str) -> None:
    browser.run(
        f"(() => {{ const e = document.querySelector('{selector}'); e.value = '{value}';"
        " e.dispatchEvent(new Event('input', {bubbles: true})); })()"
    )


@pytest.fixture
def wide(started: Browser, page: Path) -> Browser:
    """The page with all that can be opened, in a wide window."""
    started.open(page, WIDE)
    started.run(OPEN_ALL)
    return started


@pytest.mark.parametrize(("width", "mode"), [(WIDE, "light"), (NARROW, "dark")])
def test_the_page_fits_asks_for_nothing_and_what_it_stops_at_can_be_touched(
    started: Browser, page: Path, width: int, mode: Any
) -> None:
    started.told.clear()
    started.asked.clear()
    started.open(page, width, mode)
    assert (started.told, set(started.asked)) == ([], {page.as_uri()})
    assert started.run("document.documentElement.scrollWidth") <= width, "nothing beside the page"
    paper = started.run("getComputedStyle(document.body).backgroundColor")
    assert paper == ("rgb(255, 255, 255)" if mode == "light" else "rgb(20, 24, 29)")
    assert started.run(f"{STOPS}.length") <= 30
    started.run(OPEN_ALL)
    ink = started.run("getComputedStyle(document.querySelector('figure use')).stroke")
    assert ink == started.run("getComputedStyle(document.body).color")
    assert started.run(f"{STOPS}.length") <= 50
    small = "e.getBoundingClientRect().height < 24 || e.getBoundingClientRect().width < 24"
    # The link that skips is seen when it has the focus.
    found = started.run(f"{STOPS}.filter(e => {small}).map(e => e.textContent.trim())")
    assert found == ["Skip to the answer"]
    assert started.run("document.documentElement.scrollWidth") <= width
    cut = started.run(all_of(".scroll", "e.scrollWidth > e.clientWidth + 1"))
    assert width == NARROW or not any(cut)


def test_the_answer_and_the_costs_of_ten_tasks_need_no_scrolling(
    started: Browser, page: Path
) -> None:
    started.open(page, WIDE)
    assert started.run("document.querySelectorAll('.verdict tbody tr').length") == len(TASKS)
    for part in (".costs", ".verdict"):
        bottom = f"document.querySelector('{part}').getBoundingClientRect().bottom"
        assert started.run(bottom) <= 800
    width = "e.getBoundingClientRect().width"
    own, rail = (started.run(all_of(f".bar .{one}", width)) for one in ("own", "rail"))
    assert own[0] / rail[0] == pytest.approx(0.7, abs=0.01)
    started.open(page, NARROW)
    assert started.run("document.querySelector('.costs').getBoundingClientRect().bottom") <= 844
    unit = "getComputedStyle(document.querySelector('.price'), '::after').content"
    assert started.run(unit) == '"per 1,000 requests"'


def test_arrows_lead_from_number_to_number(wide: Browser) -> None:
    wide.run("document.querySelector('#ind button.sort').focus()")
    wide.press("ArrowRight", "ArrowRight", 39)
    assert wide.run("document.activeElement.textContent") == "Product Matching"
    wide.press("ArrowDown", "ArrowDown", 40)
    assert wide.run("document.activeElement.textContent") == "0.400"
    assert wide.run("document.activeElement.tabIndex") == 0
    assert wide.run("document.querySelectorAll('#ind button[tabindex=\"0\"]').length") == 1


def test_a_column_sorts_the_rows_down_up_and_back_and_words_filter_them(wide: Browser) -> None:
    before = wide.run(NAMES)
    found = []
    for _ in range(3):
        wide.run("document.querySelectorAll('#ind button.sort')[1].click()")
        found.append(wide.run(NAMES))
    assert [order[0] for order in found] == ["Model 8", "Model 0", before[0]]
    assert found[2] == before
    assert sorted(found[0]) == sorted(before)
    type_into(wide, "#ind .filter", "many 7")
    # The title of a group without rows is gone too.
    shown = all_of("#ind tbody tr:not([hidden])", "e.dataset.name")
    assert wide.run(shown) == [None, "Model 7"]


@pytest.mark.parametrize("width", [WIDE, NARROW])
def test_a_cell_opens_at_its_title_and_leads_to_the_records_of_its_model(
    started: Browser, page: Path, width: int
) -> None:
    started.open(page, width)
    started.run(OPEN_ALL)
    cell = "#ind tr[data-name=Small-EC] button.cell"
    if width == WIDE:
        started.run(f"document.querySelector('{cell}').focus()")
        started.press("Enter", "Enter", 13)
    else:
        started.tap(cell)
    assert started.run(f"{DETAILS}.open")
    assert started.run("document.activeElement.id") == "details-title"
    assert started.run(f"{DETAILS}.scrollTop") == 0
    text = started.run(f"{DETAILS}.textContent")
    for part in ("Product Matching: 0.700", "metrics/Small-EC/seed-42/PM.json", "Records", "200"):
        assert part in text
    matrix = started.run(all_of("#details .confusion tr", "e.textContent"))
    assert matrix == ["Right answeryesnoinvalid", "yes80146", "no5914"]
    # Invalid, right.
    assert started.run(all_of("#details li", "e.textContent[0]")) == ["i", "r"]
    started.run(f"{DETAILS}.querySelector('li a').click()")
    assert started.run(f"{DETAILS}.open") is False
    assert started.run("document.activeElement.className") == "sample"
    # So does a bar.
    started.run("document.querySelector('.verdict [data-task=PM]').click()")
    assert "Small-EC, Product Matching: 0.700" in started.run(f"{DETAILS}.textContent")
    started.press("Escape", "Escape", 27)
    assert started.run(f"{DETAILS}.open") is False


def test_records_are_filtered_and_the_wrong_ones_of_the_chosen_model_come_first(
    wide: Browser,
) -> None:
    def choose(name: str, value: str) -> list[str]:
        type_into(wide, f"#{name}", value)
        mark = "e.querySelector('[data-model=Small-EC]').dataset.verdict"
        return list(wide.run(all_of(".sample:not([hidden])", mark)))

    assert choose("of-task", "") == ["invalid"] * 10 + ["right"] * 10
    assert choose("of-task", "SA") == ["invalid", "right"]
    assert choose("of-outcome", "right") == ["right"]
    assert choose("of-outcome", "wrong") == ["invalid"]
    assert choose("of-model", "Small") == ["invalid", "right"], "it is wrong in both"
    assert choose("query", "nothing like it") == []
    assert wide.run("document.getElementById('count').value") == "0 of 20 shown"


def test_the_page_prints_all_of_it(started: Browser, page: Path) -> None:
    started.open(page, WIDE)
    assert started.pdf().startswith(b"%PDF")
    assert all(started.run(all_of("details", "e.open")))
    started.call("Emulation.setEmulatedMedia", media="print")
    assert started.run("getComputedStyle(document.querySelector('nav')).display") == "none"
    started.call("Emulation.setEmulatedMedia", media="")
