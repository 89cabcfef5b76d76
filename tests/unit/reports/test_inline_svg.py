from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st
from support.report_files import SVG

from ecslm.reports.inline_svg import THEME, inline_svg


def test_identifiers_are_those_of_the_figure_and_lead_to_what_they_did() -> None:
    found = inline_svg(SVG, "one", "A figure")
    assert 'id="one-p1"' in found
    assert 'clip-path="url(#one-p1)"' in found
    assert 'href="#one-m1"' in found
    assert "figure_1" not in found, "an identifier that nothing refers to"
    assert "xlink" not in found


def test_the_colours_of_ink_and_paper_are_those_of_the_page() -> None:
    found = inline_svg(SVG, "one", "A figure")
    assert "stroke: var(--ink)" in found
    assert not [colour for colour in THEME if colour in found]


def test_it_grows_with_the_page_and_keeps_its_shape() -> None:
    root = ElementTree.fromstring(inline_svg(SVG, "one", "A figure"))
    assert "width" not in root.attrib and "height" not in root.attrib
    assert root.attrib["viewBox"] == "0 0 244 70"
    assert "metadata" not in inline_svg(SVG, "one", "A figure")


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"])))
def test_a_screen_reader_says_the_caption_whatever_it_holds(caption: str) -> None:
    root = ElementTree.fromstring(inline_svg(SVG, "one", caption))
    assert root.attrib["role"] == "img"
    assert " ".join(root.attrib["aria-label"].split()) == " ".join(caption.split())
