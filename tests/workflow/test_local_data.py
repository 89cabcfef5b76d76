"""Local data with rows that cannot be used: refused as a whole at the start, or dropped."""

import json
from pathlib import Path

from support.completed import RECORDS, study_options
from support.scratch import errors, snakemake

LOCAL = study_options("local")
DATASETS = Path("results/local/dataset")


def test_a_broken_file_is_told_of_whole_before_anything_runs(project: Path) -> None:
    """Problems in rows that the study uses, and in rows that it does not."""
    path = project / RECORDS
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    matching = [row for row in rows if row["task"] == "Product_Matching"]
    matching[0]["output"] = "perhaps"
    matching[-1]["input"] = "{"
    next(row for row in rows if row["task"] == "Sentiment_Analysis")["options"] = "None"
    rows.append({**rows[-1], "task": "Product_Matchin"})
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    before = {path: path.read_bytes() for path in (project / DATASETS).rglob("*.jsonl")}
    run = snakemake(project, "--cores", "1", *LOCAL)
    assert run.returncode == 1
    lines = errors(run.stderr)
    kinds = "unknown_task, bad_input, bad_options, bad_output"
    assert len(lines) == 5
    assert all(line.startswith(f"{RECORDS}: line ") for line in lines[:4])
    assert lines[4].startswith("4 rows cannot be used")
    assert f"`tolerate: [{kinds}]`" in lines[4]
    assert before == {path: path.read_bytes() for path in before}
