"""Recognising what is no plain UTF-8 text, by how a file begins."""

import codecs

GZIP = b"\x1f\x8b"
# Those of UTF-32 come first: one begins as UTF-16 does.
MARKS = {
    codecs.BOM_UTF32_LE: "UTF-32",
    codecs.BOM_UTF32_BE: "UTF-32",
    codecs.BOM_UTF16_LE: "UTF-16",
    codecs.BOM_UTF16_BE: "UTF-16",
}


def encoding_problem(content: bytes) -> str:
    """The problem of a text that is packed or in another encoding than UTF-8; otherwise empty."""
    if content.startswith(GZIP):
        return "is compressed with gzip: unpack it"
    name = next((name for mark, name in MARKS.items() if content.startswith(mark)), None)
    return "" if name is None else f"is {name} text: save it as UTF-8"
