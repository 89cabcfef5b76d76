"""Computing BERTScore of pairs of texts; values depend only on the encoder and the pair.

Zhang et al. 2020, "BERTScore: Evaluating Text Generation with BERT", without idf weighting.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import transformers
from bert_score.utils import get_bert_embedding, get_model, get_tokenizer, greedy_cos_idf

from ecslm.common.errors import InputError

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
