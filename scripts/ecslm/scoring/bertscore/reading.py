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
    setting_of = {prediction.id: prediction.setting for prediction in predictions}

    def check(rows: Numbered[BertScoreRow]) -> Iterator[Problem]:
        yield from repeated_ids((line, row.id) for line, row in rows)
        for line, row in rows:
            if row.id not in setting_of:
                message = f"{row.id!r} is not among the predictions"
                yield Problem(message, line=line, field="id", kind="unknown")
            elif row.setting != setting_of[row.id]:
                message = f"is {row.setting!r}, but {setting_of[row.id]!r} in the predictions"
                yield Problem(message, line=line, field="setting", kind="other")

    def check_whole(rows: Numbered[BertScoreRow]) -> Iterator[str]:
        missing = sorted(setting_of.keys() - {row.id for _, row in rows})
        if missing:
            yield f"no row for {number_of(len(missing), 'prediction')}, the first is {missing[0]!r}"

    return [row for _, row in read_rows(path, BertScoreRow, check, check_whole)]
