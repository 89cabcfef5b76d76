"""Links of the pages lead somewhere."""

from urllib.parse import unquote, urlsplit

import pytest
from support.pages import Page, pages


@pytest.mark.parametrize("page", pages(), ids=str)
def test_files_and_headings_that_a_page_links_to_exist(page: Page) -> None:
    broken = []
    for link in page.links:
        parts = urlsplit(link)
        if parts.scheme or parts.netloc:
            continue
        target = page.path.parent / unquote(parts.path) if parts.path else page.path
        if not target.exists():
            broken.append(f"{link}: no such file")
        elif parts.fragment and parts.fragment not in Page(target).anchors:
            broken.append(f"{link}: no such heading")
    assert broken == []
