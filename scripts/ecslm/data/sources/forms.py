"""Recognises files of unsupported formats by how they begin, for messages."""

import codecs
import re

from ecslm.common.files import encoding_problem

AS_ROWS = "save it as JSON Lines, a JSON list or Parquet"
BEGINNINGS = {
    b"BZh": "is compressed with bzip2: unpack it",
    b"\xfd7zXZ": "is compressed with xz: unpack it",
    b"\x28\xb5\x2f\xfd": "is compressed with zstandard: unpack it",
    b"PK\x03\x04": "is compressed with zip: unpack it",
    b"ARROW1": f"is Arrow: {AS_ROWS}",
    b"SQLite format 3": f"is a database of SQLite: {AS_ROWS}",
}
# What separates fields, and how files of such are called.
TABLES = {b"\t": "TSV", b",": "CSV", b";": "CSV"}
OLD_LINE_ENDS = re.compile(rb"\}\s*\r\s*\{")


def problem_of(begin: bytes) -> str:
    """What is wrong with a file as a whole; empty if it may have rows.

    Args:
        begin: its first bytes, some lines of them if it has any.
    """
    if problem := encoding_problem(begin):
        return problem
    for first, problem in BEGINNINGS.items():
        if begin.startswith(first):
            return problem
    begin = begin.removeprefix(codecs.BOM_UTF8)
    if b"\n" not in begin and OLD_LINE_ENDS.search(begin):
        return r"its lines end with \r alone: save it with line ends of Unix, \n"
    lines = [line for line in begin.split(b"\n") if line.strip()]
    if not lines or any(line.lstrip().startswith((b"{", b"[")) for line in lines):
        return ""
    if b"\0" in begin:
        return f"is not text: {AS_ROWS}"
    for separator, form in TABLES.items():
        if all(separator in line for line in lines[:2]):
            return (
                f"looks like {form}: save it as JSON Lines, as pandas does by "
                "`to_json(path, orient='records', lines=True)`"
            )
    return ""
