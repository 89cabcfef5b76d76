"""Score generated answers against their references with BERTScore, one row per record."""

import logging
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import torch
from pydantic import BaseModel, ConfigDict
from tqdm import tqdm

from ecslm.common.environment import require_locked
from ecslm.common.errors import InputError
from ecslm.common.files import write_text
from ecslm.common.hashing import sealed, unsealed
from ecslm.models.bases import read_base
from ecslm.models.loading import require_device
from ecslm.schemas.metrics_file import BertScoreRow
from ecslm.schemas.prediction import ScoredPrediction
from ecslm.scoring.bertscore.pairs import DECIMALS, Pair, Values, load_encoder, score_pairs
from ecslm.scoring.bertscore.rescaling import rescaling_baseline, rescaling_problem
from ecslm.scoring.bertscore.settings import BertScoreSettings

log = logging.getLogger(__name__)

# Pairs whose embeddings are in memory at once: at most 1 GB with roberta-large. They are written
# together, so a killed job loses at most one chunk.
CHUNK = 128


def bertscore(
    predictions: Sequence[ScoredPrediction],
    encoder: Path,
    settings: BertScoreSettings,
    device: str,
    finished: Path | None = None,
) -> tuple[dict[str, str | int], list[BertScoreRow]]:
    """Compute BERTScore: fields that identify the configuration, and a row per prediction.

    An empty answer or reference scores 0, because the package cannot embed it.

    Args:
        encoder: manifest of the encoder.
        finished: directory of the values that this job has finished, which a killed one has left.

    Raises:
        InputError: the encoder was altered, the device is not available, or libraries differ from
            the lock file.
    """
    versions = require_locked(settings.libraries)
    target = require_device(device)
    manifest, folder = read_base(encoder)
    rescale = None
    if settings.rescale_language is not None:
        problem = rescaling_problem(manifest.base, settings.layer, settings.rescale_language)
        if problem is not None:
            raise InputError(f"bertscore: {problem}")
        rescale = rescaling_baseline(manifest.base, settings.rescale_language)[settings.layer]
    # The package's own hash contains the path of the model, which differs between machines.
    hashed = (
        f"{manifest.base}@{manifest.revision}_L{settings.layer}_no-idf_version="
        f"{versions['bert-score']}(hug_trans={versions['transformers']})"
    )
    identity: dict[str, str | int] = {
        "hash": hashed,
        "encoder": manifest.base,
        "revision": manifest.revision,
        "layer": settings.layer,
    }
    pairs = {
        (row.prediction, row.reference)
        for row in predictions
        if row.prediction.strip() and row.reference.strip()
    }
    log.info("%d different pairs of texts", len(pairs))
    values = _scored(pairs, folder, settings, target, finished) if pairs else {}
    return identity, [_row(prediction, values, rescale) for prediction in predictions]


def _scored(
    pairs: Iterable[Pair],
    folder: Path,
    settings: BertScoreSettings,
    device: torch.device,
    finished: Path | None,
) -> dict[Pair, Values]:
    """Score pairs in chunks, each kept as soon as it is finished."""
    encoder = load_encoder(folder, settings.layer, device)
    # Sorted by length, so that batches have little padding; longest first, so that running out of
    # memory shows at once.
    ordered = sorted(pairs, key=lambda pair: (max(map(len, pair)), pair), reverse=True)
    values: dict[Pair, Values] = {}
    with tqdm(total=len(ordered), unit="pair", disable=not sys.stderr.isatty()) as bar:
        for start in range(0, len(ordered), CHUNK):
            chunk = ordered[start : start + CHUNK]
            path = None if finished is None else finished / f"{start}.json"
            found = _finished(path)
            if len(found) != len(chunk):
                found = tuple(score_pairs(encoder, chunk).values())
                if path is not None:
                    write_text(path, sealed(_Chunk(values=found)))
            values |= zip(chunk, found, strict=True)
            bar.update(len(chunk))
    return values


class _Chunk(BaseModel):
    """The values of some pairs, in their order."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    values: tuple[Values, ...]


def _finished(path: Path | None) -> tuple[Values, ...]:
    """The values in a file, every byte of which must be right; none without one."""
    if path is None or not path.is_file():
        return ()
    try:
        return unsealed(_Chunk, path.read_bytes()).values
    except ValueError:
        log.warning("%s: damaged: its pairs are scored again", path)
        return ()


def _row(
    prediction: ScoredPrediction, values: Mapping[Pair, Values], rescale: float | None
) -> BertScoreRow:
    pair = prediction.prediction, prediction.reference
    precision, recall, f1 = values.get(pair, (0.0, 0.0, 0.0))
    return BertScoreRow(
        id=prediction.id,
        setting=prediction.setting,
        precision=precision,
        recall=recall,
        f1=f1,
        f1_rescaled=None if rescale is None else round((f1 - rescale) / (1 - rescale), DECIMALS),
    )
