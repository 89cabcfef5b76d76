"""The results of a small study, as a report reads them."""

from pathlib import Path

import pytest
from support.report_files import write_results


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """The study's results directory."""
    return write_results(tmp_path / "demo")
