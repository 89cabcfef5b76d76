"""What models and data say stands in the report as text, wherever it stands."""

import json
from html.parser import HTMLParser
from pathlib import Path

import pytest
from support.project import REPORT
from support.report_files import (
    page_of,
    results_table,
    write_results,
    write_table,
)
from support.table_files import record_line, write_dataset

ATTACKS = (
    "<script>alert(1)</script>",
    "</script><script>alert(1)</script>",
    "<!--<script>",
    "</pre></dd></details><img src=x onerror=alert(1)>",
    '" onmouseover="alert(1)',
    "' onfocus='alert(1)' autofocus='",
    "<svg/onload=alert(1)>",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "javascript:alert(1)",
    "{{ 7 * 7 }} {% raw %} {#",
    "</title></style></textarea><base href=//evil.example>",
    "\u2028\u2029\\u003c/script>",
)
ALL = " ".join(ATTACKS)
WRITERS = ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "Function(")


class Elements(HTMLParser):
    """The elements of a page as a browser would find them."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []
        self.handlers: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        self.handlers += [name for name, _ in attributes if name.startswith("on")]
        self.links += [value or "" for name, value in attributes if name in ("href", "src")]


def parsed(page: str) -> Elements:
    found = Elements()
    found.feed(page)
    return found


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """A small study whose records and answers attack the page."""
    study = write_results(tmp_path / "demo")
    texts = dict.fromkeys(("instruction", "input", "output"), ALL)
    lines = [record_line("PM", "test", n, **texts, options=list(ATTACKS)) for n in range(4)]
    write_dataset(study, "PM", "test", lines)
    for path in study.glob("predictions/*/*/PM.jsonl"):
        rows = [json.loads(line) | {"prediction": ALL} for line in path.read_text().splitlines()]
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    (study / "data_card.md").write_text(ALL, encoding="utf-8")
    write_table(study, results_table(summary=(ALL,), caption=ALL, notes=(ALL,)))
    return study


def test_no_text_of_a_model_or_of_the_data_becomes_an_element(
    results: Path, tmp_path: Path
) -> None:
    found, harmless = parsed(page_of(results)), parsed(page_of(write_results(tmp_path / "other")))
    assert set(found.names) == set(harmless.names)
    assert found.names.count("script") == 2
    assert found.handlers == []
    assert all(link.startswith(("#", "data:")) for link in found.links)


def test_no_text_is_run_as_a_template_or_ends_the_pages_script_whose_policy_forbids_the_rest(
    results: Path,
) -> None:
    page = page_of(results)
    assert "{{ 7 * 7 }}" in page
    policy = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
    assert f'content="{policy}img-src data:"' in page
    (embedded,) = page.split('id="origins">')[1:]
    assert "<" not in embedded.partition("</script>")[0]


def test_the_pages_script_writes_texts_as_texts() -> None:
    script = (REPORT / "report.js").read_text(encoding="utf-8")
    assert not [name for name in WRITERS if name in script]
