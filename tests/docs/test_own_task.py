"""docs/own-task.md: the new metric that it shows, added to a copy of the project as it says."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

from support.project import ROOT

PAGE = (ROOT / "docs/own-task.md").read_text(encoding="utf-8")
REGISTRY = "tests/unit/scoring/test_metrics.py"
EXAMPLES = "tests/support/scoring_examples.py"


def module(imported: str) -> str:
    """The module on the page that imports something."""
    blocks = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    (found,) = (text for text in blocks if f"import {imported}" in text)
    return str(found)


def insert(file: Path, line: str) -> None:
    """Insert the line of the page that begins with some text, below the one that it shows."""
    diffs = re.findall(r"^```diff\n (.*?\n)\+(.*?\n)```", PAGE, re.MULTILINE)
    ((above, added),) = (diff for diff in diffs if diff[1].strip().startswith(line))
    text = file.read_text(encoding="utf-8")
    assert text.count(above) == 1
    file.write_text(text.replace(above, above + added), encoding="utf-8")


def test_the_metric_of_the_page_passes_the_tests_of_every_metric(tmp_path: Path) -> None:
    ignored = shutil.ignore_patterns("__pycache__")
    for directory in ("scripts", "tests/support"):
        shutil.copytree(ROOT / directory, tmp_path / directory, ignore=ignored)
    for file in ("pyproject.toml", "config.yaml", REGISTRY):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / file, tmp_path / file)

    (metric,) = re.findall(r"The module\*\* `(\S+)`", PAGE)
    (tmp_path / metric).write_text(module("YesNo"))
    (test,) = re.findall(r"`(tests/unit/scoring/test_\w+\.py)`:\n", PAGE)
    (tmp_path / test).write_text(module("block, predictions"))
    insert(tmp_path / "scripts/ecslm/schemas/task.py", '"yes_no_accuracy"')
    insert(tmp_path / EXAMPLES, '("FRAUD"')
    insert(tmp_path / EXAMPLES, '"FRAUD"')

    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", REGISTRY, test]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout[-3000:]
