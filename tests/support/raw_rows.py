"""Raw rows in the release's form, and files of them."""

import json
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

IND = "IND_Diverse_Instruction"
OOD = "OOD_Diverse_Instruction"
ONE_SHOT = "IND_Diverse_Instruction_1-shot"

Row = dict[str, Any]


def row(task: str, split: str, number: int = 0, **changes: Any) -> Row:
    """A raw row of the release."""
    return {
        "split": split,
        "task": task,
        "setting": IND,
        "instruction": "Are they the same product?",
        "input": f'{{"product 1": {{"price": "{number}"}}, "product 2": {{"price": NaN}}}}',
        "options": None,
        "output": "no",
        "few_shot_example": None,
    } | changes


ROWS = [
    row("Product_Matching", "train", 1),
    row("Product_Matching", "test", 1),
    row("Product_Substitute_Identification", "test", 1),
    row("Product_Matching", "test", 2, options="None"),
    row("Product_Substitute_Identification", "train", 1),
    row("Product_Substitue_Identification", "test", 2),
]


def lines(rows: Sequence[Row]) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def write(folder: Path, content: str | bytes, name: str = "rows.jsonl") -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def parquet(rows: Sequence[Row]) -> bytes:
    """The bytes of a Parquet file of the rows."""
    import pyarrow
    from pyarrow import parquet as format_

    written = BytesIO()
    format_.write_table(pyarrow.Table.from_pylist(list(rows)), written)
    return written.getvalue()
