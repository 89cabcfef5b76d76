"""Output files of the two score scripts: metrics and outcomes."""

from collections.abc import Iterable
from pathlib import Path

from ecslm.common.files import json_line, json_text
from ecslm.schemas.paths import RECORDS
from ecslm.scoring.score import Scores


def score_files(
    scores: Scores, output: Path, records: Path | None
) -> dict[Path, str | Iterable[str]]:
    """The content of the files.

    Args:
        records: path of the outcomes; None for one that is named after the metrics.
    """
    return {
        output: json_text(scores.metrics.model_dump()),
        records or output.with_suffix(RECORDS): map(json_line, scores.outcomes),
    }
