"""Tables as files that a page carries with it."""

import csv
import io
from urllib.parse import quote

from ecslm.tables.model import Table

COLUMNS = (
    *("panel", "group", "row", "detail", "column", "measure", "value", "shown", "low", "high"),
    *("sd", "marks", "sources"),
)


def data_link(text: str, kind: str) -> str:
    """A link to a file that is in the link itself; `kind` is its MIME type."""
    return f"data:{kind};charset=utf-8,{quote(text)}"


def table_csv(table: Table) -> str:
    """The cells of a table as CSV, a line for each: exact value, text, interval, marks, sources."""
    stream = io.StringIO()
    writer = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for panel in table.panels:
        for group in panel.groups:
            for row in group.rows:
                for column, cell in zip(panel.columns, row.cells, strict=True):
                    writer.writerow(
                        {
                            "panel": panel.title,
                            "group": group.title,
                            "row": row.name,
                            "detail": row.detail,
                            "column": column.text,
                            "measure": column.detail,
                            "value": cell.value,
                            "shown": cell.shown,
                            "low": cell.interval.low if cell.interval else None,
                            "high": cell.interval.high if cell.interval else None,
                            "sd": cell.sd,
                            "marks": " ".join((*row.marks, *cell.marks)),
                            "sources": " ".join(cell.sources),
                        }
                    )
    return stream.getvalue()
