"""BERTScore of generated answers against their references, one row a record."""

import sys
from collections.abc import Sequence
from pathlib import Path

import bert_score
import torch
import transformers

from ecslm.bases import read_base
from ecslm.bertscore_row import BertScoreRow
from ecslm.bertscore_settings import LIBRARIES, BertScoreSettings
from ecslm.files import InputError, require_locked
from ecslm.generation.prediction import Prediction
from ecslm.weights import require_device


def bertscore(
    predictions: Sequence[Prediction], encoder: Path, settings: BertScoreSettings, device: str
) -> tuple[dict[str, str | int], list[BertScoreRow]]:
    """What names how the scores were made, and a row for each prediction.

    Zhang et al. 2020, "BERTScore: Evaluating Text Generation with BERT", without idf weighting.
    An empty answer or reference scores 0: the package cannot embed it.

    Raises:
        InputError: the encoder was altered, the device is absent, or libraries differ from the
            lock file.
    """
    versions = require_locked(LIBRARIES)
    target = require_device(device)
    manifest, folder = read_base(encoder)
    whole = [
        index
        for index, row in enumerate(predictions)
        if row.prediction.strip() and row.reference.strip()
    ]
    values: dict[int, list[float]] = {}
    if whole:
        scorer = _scorer(folder, settings, target)
        scores = scorer.score(
            [predictions[i].prediction for i in whole],
            [predictions[i].reference for i in whole],
            batch_size=settings.batch_size,
            verbose=sys.stderr.isatty(),
        )
        columns = [score.tolist() for score in scores]
        values = {i: [column[at] for column in columns] for at, i in enumerate(whole)}
    rescale = _rescaling(manifest.base, settings)
    rows = []
    for index, row in enumerate(predictions):
        precision, recall, f1 = values.get(index, [0.0, 0.0, 0.0])
        rescaled = None if rescale is None else (f1 - rescale) / (1 - rescale)
        rows.append(
            BertScoreRow(
                id=row.id,
                setting=row.setting,
                precision=precision,
                recall=recall,
                f1=f1,
                f1_rescaled=rescaled,
            )
        )
    # The package's own hash carries the model's path, which differs between machines.
    hashed = (
        f"{manifest.base}@{manifest.revision}_L{settings.layer}_no-idf_version="
        f"{versions['bert-score']}(hug_trans={versions['transformers']})"
    )
    made_from: dict[str, str | int] = {
        "hash": hashed,
        "encoder": manifest.base,
        "revision": manifest.revision,
        "layer": settings.layer,
    }
    return made_from, rows


def _scorer(
    folder: Path, settings: BertScoreSettings, device: torch.device
) -> bert_score.BERTScorer:
    encoder = transformers.AutoConfig.from_pretrained(folder)
    if settings.layer > encoder.num_hidden_layers:
        raise InputError(
            f"bertscore: layer {settings.layer} is asked for and {folder} has "
            f"{encoder.num_hidden_layers}: mend `layer`"
        )
    scorer = bert_score.BERTScorer(
        model_type=str(folder), num_layers=settings.layer, idf=False, device=str(device)
    )
    # Some tokenizers state no usable maximum, which the package needs. RoBERTa's positions begin
    # after its padding index.
    scorer._tokenizer.model_max_length = min(
        scorer._tokenizer.model_max_length, encoder.max_position_embeddings - 2
    )
    return scorer


def _rescaling(base: str, settings: BertScoreSettings) -> float | None:
    """The package's baseline F1 of this encoder and layer (Zhang et al. 2020, appendix)."""
    if settings.rescale_language is None:
        return None
    folder = Path(bert_score.__file__).parent / "rescale_baseline" / settings.rescale_language
    path = folder / f"{base}.tsv"
    if not path.is_file():
        raise InputError(
            f"bert-score has no rescaling baseline for {base} in {settings.rescale_language}: "
            "set `rescale_language: null`"
        )
    table = [line.split(",") for line in path.read_text(encoding="utf-8").split("\n")[1:] if line]
    values = {int(layer): float(f1) for layer, _precision, _recall, f1 in table}
    return values[settings.layer]
