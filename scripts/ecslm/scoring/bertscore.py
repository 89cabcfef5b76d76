"""BERTScore of generated answers against their references, one row per record.

Values depend only on the encoder and the pair of texts. Zhang et al. 2020, "BERTScore: Evaluating
Text Generation with BERT", without idf weighting.
"""

import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
import transformers
from bert_score.utils import get_bert_embedding, get_model, get_tokenizer

from ecslm.common.environment import require_locked
from ecslm.common.errors import InputError
from ecslm.common.files import write_text
from ecslm.common.hashing import sealed, unsealed
from ecslm.models.bases import read_base
from ecslm.models.loading import require_device
from ecslm.schemas.metrics_file import BertScoreRow
from ecslm.schemas.prediction import ScoredPrediction
from ecslm.schemas.settings import Closed
from ecslm.scoring.settings import BertScoreSettings, rescaling_baseline, rescaling_problem

# A prediction and its reference.
Pair = tuple[str, str]
# Precision, recall and F1.
Values = tuple[float, float, float]

# The other texts of a batch, the number of threads and the device change a value by about 1e-7 in
# float32 and 1e-16 in float64. So values are computed in float64 and rounded. On a GPU they are in
# float32: but for those of data centres, GPUs have a 32nd or 64th of that rate in float64. Of 400
# pairs with MiniLM 10 then differ, by 1e-6, and the mean by 4e-9.
DECIMALS = 6
# Texts per forward pass of the encoder; it does not change the values.
BATCH = 16


class Encoder(NamedTuple):
    """A model without the layers above the one whose embeddings are matched, and its tokenizer."""

    model: Any
    tokenizer: Any


def load_encoder(folder: Path, layer: int, device: torch.device) -> Encoder:
    """Load the encoder of a model directory, in float64 on a CPU and in float32 on a GPU.

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
    dtype = torch.float64 if device.type == "cpu" else torch.float32
    return Encoder(model.to(device, dtype), tokenizer)


def score_pairs(encoder: Encoder, pairs: Sequence[Pair]) -> list[Values]:
    """Precision, recall and F1 of each pair: equation 3 of the paper.

    Each token is matched with the most similar one, special tokens included, over which it is not
    averaged. Pairs are matched one at a time, because the package's padding in a batch has
    similarity 0 to all tokens and would be the best match of a token whose similarities are all
    negative.
    """
    weights: defaultdict[int, float] = defaultdict(lambda: 1.0)
    weights |= {encoder.tokenizer.sep_token_id: 0.0, encoder.tokenizer.cls_token_id: 0.0}
    texts = sorted({text for pair in pairs for text in pair}, key=len)
    embedded = {}
    for start in range(0, len(texts), BATCH):
        batch = texts[start : start + BATCH]
        found, mask, weight = get_bert_embedding(
            batch, encoder.model, encoder.tokenizer, weights, device=encoder.model.device
        )
        found = torch.nn.functional.normalize(found, dim=-1).cpu()
        tokens, counted = mask.bool().cpu(), (weight > 0).cpu()
        for text, embedding, own, wanted in zip(batch, found, tokens, counted, strict=True):
            embedded[text] = embedding[own], wanted[own]
    return [_match(*embedded[prediction], *embedded[reference]) for prediction, reference in pairs]


def _match(
    prediction: torch.Tensor, counted: torch.Tensor, reference: torch.Tensor, wanted: torch.Tensor
) -> Values:
    """The values of normalised embeddings (tokens, width), and of which tokens are averaged."""
    if not counted.any() or not wanted.any():
        # A text of special tokens only, such as an end mark: score it as empty.
        return 0.0, 0.0, 0.0
    similar = prediction @ reference.T
    precision = float(similar[counted].amax(dim=1).mean())
    recall = float(similar[:, wanted].amax(dim=0).mean())
    f1 = 2 * precision * recall / (precision + recall) if precision + recall else 0.0
    # Adding 0 turns -0.0 into 0.0.
    precision, recall, f1 = (round(one, DECIMALS) + 0.0 for one in (precision, recall, f1))
    return precision, recall, f1


log = logging.getLogger(__name__)

# Pairs whose embeddings are in memory at once: at most 1 GB with roberta-large. They are written
# together, so a killed job loses at most one chunk.
CHUNK = 128


def bertscore(
    predictions: Sequence[ScoredPrediction],
    encoder: Path,
    settings: BertScoreSettings,
    device: str,
    finished: Path,
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
    if (language := settings.rescale_language) is not None:
        if problem := rescaling_problem(manifest.base, settings.layer, language):
            raise InputError(f"bertscore: {problem}")
        rescale = rescaling_baseline(manifest.base, language)[settings.layer]
    identity: dict[str, str | int] = {
        # The package's own contains the path of the model, which differs between machines.
        "hash": f"{manifest.base}@{manifest.revision}_L{settings.layer}_no-idf_version="
        f"{versions['bert-score']}(hug_trans={versions['transformers']})",
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
    values: dict[Pair, Values] = {}
    if pairs:
        values = _scored(pairs, load_encoder(folder, settings.layer, target), finished)
    return identity, [_row(prediction, values, rescale) for prediction in predictions]


def _scored(pairs: Iterable[Pair], encoder: Encoder, finished: Path) -> dict[Pair, Values]:
    """Score pairs in chunks, each kept as soon as it is finished."""
    # Sorted by length, so that batches have little padding; longest first, so that running out of
    # memory shows at once.
    ordered = sorted(pairs, key=lambda pair: (max(map(len, pair)), pair), reverse=True)
    values: dict[Pair, Values] = {}
    for start in range(0, len(ordered), CHUNK):
        chunk, path = ordered[start : start + CHUNK], finished / f"{start}.json"
        try:
            found = unsealed(_Chunk, path.read_bytes()).values
        except (OSError, ValueError):
            # Not there, or damaged.
            found = score_pairs(encoder, chunk)
            write_text(path, sealed(_Chunk(values=found)))
        values |= zip(chunk, found, strict=True)
    return values


class _Chunk(Closed):
    """The values of some pairs, in their order."""

    values: list[Values]


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
