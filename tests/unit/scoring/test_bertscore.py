"""BERTScore rows: their values, what cannot be embedded, how they say what made them."""

import json
import random
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import torch
from support.model_examples import read_lines, run_here
from support.scoring_examples import IND, prediction
from support.tiny import SENTENCES
from transformers import AutoModel, AutoTokenizer

import ecslm.scoring.bertscore
from ecslm.common.errors import InputError
from ecslm.common.files import write_jsonl
from ecslm.models.bases import PathSource, read_base
from ecslm.models.fetching import fetch_base
from ecslm.schemas.metrics_file import BertScoreRow
from ecslm.schemas.prediction import ScoredPrediction
from ecslm.scoring.bertscore import Encoder, Pair, bertscore, load_encoder, score_pairs
from ecslm.scoring.settings import BertScoreSettings

SETTINGS = BertScoreSettings(layer=2, rescale_language=None)
ANSWERS = (
    ("the bottle is steel", "a bottle of steel"),
    ("yes", "yes"),
    ("no", "the yoga mat is grey and quite long for a mat"),
)


def given(*pairs: tuple[str, str]) -> list[ScoredPrediction]:
    return [
        prediction(text, reference, id=f"r{number}", task="AG")
        for number, (text, reference) in enumerate(pairs)
    ]


def rows(
    encoder: Path,
    *pairs: Pair,
    settings: BertScoreSettings = SETTINGS,
    finished: Path | None = None,
) -> list[BertScoreRow]:
    with TemporaryDirectory() as folder:
        return bertscore(given(*pairs), encoder, settings, "cpu", finished or Path(folder))[1]


def many(count: int) -> list[Pair]:
    """Different pairs of texts of 1 to 30 words."""
    draw = random.Random(0)
    words = " ".join(SENTENCES).split()
    texts = (" ".join(draw.choices(words, k=draw.randint(1, 30))) for _ in iter(int, 1))
    return list(islice(zip(texts, texts, strict=False), count))


MANY = many(24)


def test_float32_as_on_a_gpu_moves_a_value_by_the_last_digit_at_most(tiny_encoder: Path) -> None:
    encoder, other = (
        load_encoder(read_base(tiny_encoder)[1], 2, torch.device(name)) for name in ("cpu", "meta")
    )
    pairs = many(60)
    exact = torch.tensor(score_pairs(encoder, pairs))
    assert encoder.model.dtype == torch.float64
    encoder.model.to(other.model.dtype)
    assert encoder.model.dtype == torch.float32
    found = torch.tensor(score_pairs(encoder, pairs))
    torch.testing.assert_close(found, exact, rtol=0, atol=1.5e-6)


@pytest.mark.parametrize("layer", [1, 2])
def test_scores_are_greedy_matches_of_the_layers_embeddings(tiny_encoder: Path, layer: int) -> None:
    """Zhang et al. 2020, equation 3: each token takes its best match, special tokens included."""
    folder = read_base(tiny_encoder)[1]
    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder)

    def embed(text: str) -> torch.Tensor:
        with torch.inference_mode():
            hidden = model(**tokenizer(text, return_tensors="pt"), output_hidden_states=True)
        return torch.nn.functional.normalize(hidden.hidden_states[layer][0], dim=-1)

    settings = BertScoreSettings(layer=layer, rescale_language=None)
    for row, (text, reference) in zip(
        rows(tiny_encoder, *ANSWERS, settings=settings), ANSWERS, strict=True
    ):
        # As the package does, the special tokens are matched against but are not averaged over.
        similarity = embed(text) @ embed(reference).T
        precision = similarity.max(dim=1).values[1:-1].mean()
        recall = similarity.max(dim=0).values[1:-1].mean()
        assert row.precision == pytest.approx(float(precision), abs=1e-4)
        assert row.recall == pytest.approx(float(recall), abs=1e-4)
        f1 = 2 * row.precision * row.recall / (row.precision + row.recall)
        assert row.f1 == pytest.approx(f1, abs=1e-5)


@pytest.mark.parametrize("pair", [("", "yes"), (" \n", "yes"), ("yes", ""), ("yes", " "), ("", "")])
def test_an_empty_answer_or_reference_scores_zero_and_moves_no_other(
    tiny_encoder: Path, pair: tuple[str, str]
) -> None:
    found = rows(tiny_encoder, ANSWERS[0], pair, ANSWERS[2])
    assert (found[1].precision, found[1].recall, found[1].f1) == (0, 0, 0)
    expected = rows(tiny_encoder, ANSWERS[0], ANSWERS[2])
    assert [found[0].f1, found[2].f1] == pytest.approx([row.f1 for row in expected], abs=1e-6)
    assert found[0].f1_rescaled is None


def test_a_text_of_special_tokens_alone_scores_zero_and_one_more_among_others_does_not(
    tiny_encoder: Path,
) -> None:
    found = rows(tiny_encoder, ("[SEP]", "yes"), ("yes", "[SEP] [SEP]"), ("yes [SEP]", "yes"))
    assert [(row.precision, row.recall, row.f1) for row in found[:2]] == [(0, 0, 0)] * 2
    assert found[2].f1 > 0


def test_no_batch_moves_a_score_at_all(tiny_encoder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = rows(tiny_encoder, *MANY)
    monkeypatch.setattr(ecslm.scoring.bertscore, "BATCH", 3)
    assert rows(tiny_encoder, *MANY) == expected
    monkeypatch.setattr(ecslm.scoring.bertscore, "CHUNK", 5)
    assert rows(tiny_encoder, *MANY) == expected


def named(folder: Path, encoder: Path, name: str) -> Path:
    """The encoder again, under the name of one that the package knows."""
    manifest = folder / "manifest.json"
    model = str(read_base(encoder)[1])
    fetch_base(name, PathSource(source="path", path=model), manifest)
    return manifest


def test_rescaling_uses_the_packages_baseline_of_that_encoder_and_layer(
    tiny_encoder: Path, tmp_path: Path
) -> None:
    settings = BertScoreSettings(layer=2)
    encoder = named(tmp_path, tiny_encoder, "roberta-large")
    baseline = 0.69969934  # bert_score/rescale_baseline/en/roberta-large.tsv, layer 2
    for row in rows(encoder, *ANSWERS, ("", "yes"), settings=settings):
        assert row.f1_rescaled == round((row.f1 - baseline) / (1 - baseline), 6)


@pytest.mark.parametrize(
    ("layer", "language", "problem"),
    [(2, "en", r"layer 2 of .*: set `rescale_language: null`"), (3, None, r"layer.*3.*2")],
)
def test_a_layer_that_the_encoder_or_the_rescaling_lacks_is_refused(
    tiny_encoder: Path, layer: int, language: str | None, problem: str
) -> None:
    settings = BertScoreSettings(layer=layer, rescale_language=language)
    with pytest.raises(InputError, match=problem):
        rows(tiny_encoder, *ANSWERS, settings=settings)


def test_a_text_longer_than_the_encoders_positions_is_cut(tiny_encoder: Path) -> None:
    long = "the yoga mat is grey " * 100
    (row,) = rows(tiny_encoder, (long, long))
    assert row.f1 == pytest.approx(1, abs=1e-5)


def test_what_made_the_rows_names_encoder_layer_and_versions_and_no_folder(
    tiny_encoder: Path, tmp_path: Path
) -> None:
    made_from, _ = bertscore(given(*ANSWERS), tiny_encoder, SETTINGS, "cpu", tmp_path)
    assert made_from["encoder"] == read_base(tiny_encoder)[0].base
    assert made_from["layer"] == 2
    assert "_L2_no-idf_version=0.3.13(hug_trans=" in made_from["hash"]
    assert "/" not in json.dumps(made_from)


def test_answers_without_names_have_those_that_their_scores_have(
    tiny_encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = [{"prediction": text, "reference": reference} for text, reference in ANSWERS]
    write_jsonl(tmp_path / "P.jsonl", own)
    answers, output = ("--predictions", tmp_path / "P.jsonl"), tmp_path / "B.jsonl"
    arguments = (*answers, "--encoder", tiny_encoder, "--output", output)
    settings = ("--settings", SETTINGS.model_dump_json())
    assert run_here(monkeypatch, "bertscore.py", [*arguments, *settings]) == 0
    scored = ("--task", "AG", "--bertscore", output, "--output", tmp_path / "M.json")
    assert run_here(monkeypatch, "score.py", [*answers, *scored]) == 0
    found, outcomes = read_lines(output), read_lines(tmp_path / "M.records.jsonl")
    assert [(row["id"], row["setting"]) for row in found] == [(name, IND) for name in "123"]
    assert [row["score"] for row in outcomes] == [row["f1"] for row in found]


def test_a_killed_job_leaves_what_it_has_finished_and_equal_pairs_are_scored_once(
    tiny_encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Pair] = []

    def killed_once(encoder: Encoder, pairs: Sequence[Pair]) -> Any:
        if len(seen) == 9:
            seen.append(MANY[0])
            raise KeyboardInterrupt
        seen.extend(pairs)
        return score_pairs(encoder, pairs)

    monkeypatch.setattr(ecslm.scoring.bertscore, "score_pairs", killed_once)
    monkeypatch.setattr(ecslm.scoring.bertscore, "CHUNK", 3)
    twice = (*MANY, *MANY)
    with pytest.raises(KeyboardInterrupt):
        rows(tiny_encoder, *twice, finished=tmp_path)
    # What was damaged meanwhile is scored again.
    (tmp_path / "3.json").write_text("[]")
    found = rows(tiny_encoder, *twice, finished=tmp_path)
    assert len(seen) == 9 + 1 + 15 + 3
    assert found == rows(tiny_encoder, *twice)
