"""Reading BERTScore rows, to score the predictions that they were computed from."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from ecslm.common.errors import InputError, Problem
from ecslm.common.hashing import sha256_of_file
from ecslm.common.manifests import manifest_of, read_manifest
from ecslm.common.rows import Numbered, read_rows, repeated_ids
from ecslm.common.text import number_of
from ecslm.schemas.metrics_file import BertScoreRow
from ecslm.schemas.prediction import ScoredPrediction


def read_bertscores(
    path: Path, file: Path, predictions: Sequence[ScoredPrediction]
) -> list[BertScoreRow]:
    """Read the BERTScore rows in `path`, which must match the predictions read from `file`.

    Raises:
        InputError: the file is missing, altered or invalid, its rows do not match the predictions,
            or its manifest says that it was made from others.
    """
    manifest = manifest_of(path)
    if manifest.is_file():
        scored = read_manifest(manifest).inputs.values()
        if sha256_of_file(file) not in scored:
            raise InputError(
                f"{path}: made from other predictions than {file}: run scripts/bertscore.py again"
            )
    wanted = {(prediction.id, prediction.setting) for prediction in predictions}

    def check(rows: Numbered[BertScoreRow]) -> Iterator[Problem]:
        yield from repeated_ids((line, row.id) for line, row in rows)
        for line, row in rows:
            if (row.id, row.setting) not in wanted:
                message = f"{row.id!r} in {row.setting!r} is not among the predictions"
                yield Problem(message, line=line, field="id", kind="unknown")

    rows = [row for _, row in read_rows(path, BertScoreRow, check)]
    missing = sorted({name for name, _ in wanted} - {row.id for row in rows})
    if missing:
        lacking = number_of(len(missing), "prediction")
        raise InputError(f"{path}: no row for {lacking}, the first is {missing[0]!r}")
    return rows
