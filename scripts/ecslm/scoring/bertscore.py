"""BERTScore of generated answers against their references, one row per record.

Values depend only on the encoder and the pair of texts. Zhang et al. 2020, "BERTScore: Evaluating
Text Generation with BERT", without idf weighting.
"""

import logging
import math
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import transformers
from bert_score.utils import get_bert_embedding, get_model, get_tokenizer, greedy_cos_idf
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
from ecslm.scoring.settings import BertScoreSettings, rescaling_baseline, rescaling_problem

# A prediction and its reference.
Pair = tuple[str, str]
# Precision, recall and F1.
Values = tuple[float, float, float]

# The other texts of a batch, the number of threads and the device change a value by about 1e-7 in
# float32 and 1e-16 in float64. So values are computed in float64 and rounded.
DECIMALS = 6
# Texts per forward pass of the encoder; it does not change the values.
BATCH = 16


@dataclass(frozen=True)
class Encoder:
    """A model without the layers above the one whose embeddings are matched, and its tokenizer."""

    model: Any
    tokenizer: Any
    device: torch.device


def load_encoder(folder: Path, layer: int, device: torch.device) -> Encoder:
    """Load the encoder of a model directory, in float64.

    Raises:
        InputError: the encoder has no such layer.
    """
    config = transformers.AutoConfig.from_pretrained(folder)
    if layer > config.num_hidden_layers:
        raise InputError(
            f"bertscore: no layer {layer}: {folder} has {config.num_hidden_layers} layers: "
            "fix `layer`"
        )
    tokenizer = get_tokenizer(str(folder))
    # The package needs a maximum length, which some tokenizers lack. Positions of RoBERTa begin
    # after its padding index.
    tokenizer.model_max_length = min(tokenizer.model_max_length, config.max_position_embeddings - 2)
    model = get_model(str(folder), layer, all_layers=False)
    return Encoder(model.to(device).double(), tokenizer, device)


def score_pairs(encoder: Encoder, pairs: Sequence[Pair]) -> dict[Pair, Values]:
    """Precision, recall and F1 of each pair. Holds the embeddings of all texts in memory."""
    embedded = _embed(encoder, {text for pair in pairs for text in pair})
    return {
        (prediction, reference): _match(embedded[prediction], embedded[reference])
        for prediction, reference in pairs
    }


def _embed(encoder: Encoder, texts: Iterable[str]) -> dict[str, tuple[torch.Tensor, torch.Tensor]]:
    """Embeddings (tokens, width) and weights (tokens) of each text; special tokens weigh 0."""
    weights: defaultdict[int, float] = defaultdict(lambda: 1.0)
    weights |= {encoder.tokenizer.sep_token_id: 0.0, encoder.tokenizer.cls_token_id: 0.0}
    ordered = sorted(texts, key=len)
    embedded = {}
    for start in range(0, len(ordered), BATCH):
        batch = ordered[start : start + BATCH]
        found, mask, weight = get_bert_embedding(
            batch, encoder.model, encoder.tokenizer, weights, device=encoder.device
        )
        rows = zip(batch, mask.sum(dim=1).tolist(), found.cpu(), weight.double(), strict=True)
        for text, tokens, embedding, row in rows:
            embedded[text] = embedding[:tokens], row[:tokens]
    return embedded


def _match(
    prediction: tuple[torch.Tensor, torch.Tensor], reference: tuple[torch.Tensor, torch.Tensor]
) -> Values:
    """Match each token with the most similar one: equation 3 of the paper.

    One pair at a time, because padding in a batch has similarity 0 to all tokens and would be the
    best match of a token whose similarities are all negative.
    """
    arguments = []
    for embedding, weights in (reference, prediction):
        # Copies, because the package scales both in place.
        mask = torch.ones(1, len(weights), dtype=torch.long)
        arguments += [embedding[None].clone(), mask, weights[None].clone()]
    precision, recall, f1 = (value.item() for value in greedy_cos_idf(*arguments))
    if not all(map(math.isfinite, (precision, recall, f1))):
        # A text of special tokens only, such as an end mark, has no weight: score it as empty.
        return 0.0, 0.0, 0.0
    # Adding 0 turns -0.0 into 0.0.
    return (
        round(precision, DECIMALS) + 0.0,
        round(recall, DECIMALS) + 0.0,
        round(f1, DECIMALS) + 0.0,
    )


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
