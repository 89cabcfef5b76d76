"""SVG files of figures as parts of a page: with its colours, and names that are theirs alone."""

import re
from xml.etree import ElementTree

from ecslm.figures.style import INK, LINE, PAPER, SOFT

SVG = "http://www.w3.org/2000/svg"
XLINK = "http://www.w3.org/1999/xlink"
# Colours of figures that the page has its own of, which differ where it is dark.
THEME = {INK: "var(--ink)", SOFT: "var(--soft)", LINE: "var(--line)", PAPER: "var(--paper)"}
REFERENCE = re.compile(r"url\(#([^)]+)\)")


def inline_svg(text: str, name: str, label: str) -> str:
    """The figure as an element of a page.

    Args:
        text: an SVG file.
        name: that of the figure, which its identifiers begin with.
        label: what the figure is called by a screen reader.
    """
    ElementTree.register_namespace("", SVG)
    root = ElementTree.fromstring(text)
    for parent in list(root.iter()):
        for child in list(parent):
            # It names the program that drew the figure.
            if child.tag == f"{{{SVG}}}metadata":
                parent.remove(child)
    used = _references(root)
    for element in root.iter():
        _rename(element, name, used)
    width, height = (
        float(root.attrib.pop(side).removesuffix("pt")) for side in ("width", "height")
    )
    root.attrib.pop("version", None)
    root.attrib.update({"role": "img", "aria-label": label})
    root.attrib["style"] = f"--width:{width:g}px;aspect-ratio:{width:g}/{height:g}"
    return ElementTree.tostring(root, encoding="unicode")


def _references(root: ElementTree.Element) -> set[str]:
    """The identifiers that are referred to."""
    found = set()
    for element in root.iter():
        for key, value in element.attrib.items():
            found |= set(REFERENCE.findall(value))
            if key == f"{{{XLINK}}}href":
                found.add(value.removeprefix("#"))
    return found


def _rename(element: ElementTree.Element, name: str, used: set[str]) -> None:
    """Give an element's identifier and references the figure's name, and the page's colours."""
    for key, value in list(element.attrib.items()):
        if key == "id":
            del element.attrib[key]
            if value in used:
                element.attrib[key] = f"{name}-{value}"
        elif key == f"{{{XLINK}}}href":
            # As SVG 2 has it, without the namespace.
            del element.attrib[key]
            element.attrib["href"] = f"#{name}-{value.removeprefix('#')}"
        else:
            value = REFERENCE.sub(rf"url(#{name}-\1)", value)
            for colour, own in THEME.items():
                value = value.replace(colour, own)
            element.attrib[key] = value
