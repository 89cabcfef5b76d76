"""What models and data say stands in the report as text, wherever it stands."""

import json
from collections import Counter, defaultdict
from html.parser import HTMLParser
from pathlib import Path

import pytest
from support.project import REPORT
from support.report_files import page_of, results_table, write_results, write_table
from support.table_files import write_dataset

from ecslm.common.files import write_jsonl

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


def parsed(page: str) -> tuple[Counter[str], dict[str, list[str]]]:
    """The elements of a page and the values of their attributes, as a browser would find them."""
    names, attributes = Counter[str](), defaultdict[str, list[str]](list)
    finder = HTMLParser()

    def found(name: str, given: list[tuple[str, str | None]]) -> None:
        names[name] += 1
        for key, value in given:
            attributes[key].append(value or "")

    finder.handle_starttag = found  # type: ignore[method-assign]
    finder.feed(page)
    return names, attributes


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """A small study whose records and answers attack the page."""
    study = write_results(tmp_path / "demo")
    texts = dict.fromkeys(("instruction", "input", "output"), ALL)
    write_dataset(study, 4, **texts, options=list(ATTACKS))
    for path in study.glob("predictions/*/*/PM.jsonl"):
        rows = [json.loads(line) | {"prediction": ALL} for line in path.read_text().splitlines()]
        write_jsonl(path, rows)
    (study / "data_card.md").write_text(ALL, encoding="utf-8")
    write_table(study, results_table(summary=(ALL,), caption=ALL, notes=(ALL,)))
    return study


def test_no_text_of_a_model_or_of_the_data_becomes_an_element(
    results: Path, tmp_path: Path
) -> None:
    names, attributes = parsed(page_of(results))
    harmless, _ = parsed(page_of(write_results(tmp_path / "other")))
    assert names.keys() == harmless.keys()
    assert names["script"] == 2
    assert not [name for name in attributes if name.startswith("on")]
    links = attributes["href"] + attributes["src"]
    assert all(link.startswith(("#", "data:")) for link in links)


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
