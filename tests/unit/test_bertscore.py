"""BERTScore rows: their values, what cannot be embedded, and how they say what made them."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from model_examples import read_lines, run_here
from scoring_examples import prediction
from transformers import AutoModel, AutoTokenizer

from ecslm.base_sources import fetch_base
from ecslm.bases import PathSource, read_base
from ecslm.bertscore import bertscore
from ecslm.bertscore_row import BertScoreRow
from ecslm.bertscore_settings import BertScoreSettings
from ecslm.files import InputError, write_jsonl
from ecslm.generation.prediction import Prediction

SETTINGS = BertScoreSettings(layer=2, rescale_language=None)
ANSWERS = (
    ("the bottle is steel", "a bottle of steel"),
    ("yes", "yes"),
    ("no", "the yoga mat is grey and quite long for a mat"),
)


def given(*pairs: tuple[str, str]) -> list[Prediction]:
    return [
        prediction(text, reference, id=f"r{number}", task="AG")
        for number, (text, reference) in enumerate(pairs)
    ]


def rows(
    encoder: Path, *pairs: tuple[str, str], settings: BertScoreSettings = SETTINGS
) -> list[BertScoreRow]:
    return bertscore(given(*pairs), encoder, settings, "cpu")[1]


def test_an_answer_equal_to_its_reference_scores_one(tiny_encoder: Path) -> None:
    for row in rows(tiny_encoder, ("yes", "yes"), ("the water bottle", "the water bottle")):
        assert (row.precision, row.recall, row.f1) == pytest.approx((1, 1, 1), abs=1e-5)


def test_another_answer_scores_less(tiny_encoder: Path) -> None:
    other = rows(tiny_encoder, ("the water bottle", "no"))[0]
    assert 0 < other.f1 < 0.99


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


def test_nothing_but_empty_answers_needs_no_embedding(tiny_encoder: Path) -> None:
    assert [row.f1 for row in rows(tiny_encoder, ("", "yes"), ("", "no"))] == [0, 0]


def test_rows_keep_the_order_and_names_of_the_predictions(tiny_encoder: Path) -> None:
    found = rows(tiny_encoder, *ANSWERS)
    assert [row.id for row in found] == ["r0", "r1", "r2"]
    assert {row.setting for row in found} == {given(*ANSWERS)[0].setting}


def test_the_same_predictions_give_the_same_rows(tiny_encoder: Path) -> None:
    assert rows(tiny_encoder, *ANSWERS) == rows(tiny_encoder, *ANSWERS)


def test_without_a_rescaling_language_rescaled_scores_are_null(tiny_encoder: Path) -> None:
    assert {row.f1_rescaled for row in rows(tiny_encoder, *ANSWERS)} == {None}


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
        assert row.f1_rescaled == pytest.approx((row.f1 - baseline) / (1 - baseline), rel=1e-5)


def test_an_encoder_without_baseline_cannot_be_rescaled(tiny_encoder: Path) -> None:
    with pytest.raises(InputError, match="set `rescale_language: null`"):
        rows(tiny_encoder, *ANSWERS, settings=BertScoreSettings(layer=2))


@pytest.mark.parametrize("layer", [3, 99])
def test_a_layer_that_the_encoder_lacks_is_refused_in_one_line(
    tiny_encoder: Path, layer: int
) -> None:
    settings = BertScoreSettings(layer=layer, rescale_language=None)
    with pytest.raises(InputError, match=f"layer.*{layer}.*2") as caught:
        rows(tiny_encoder, *ANSWERS, settings=settings)
    assert len(caught.value.problems) == 1


def test_the_batch_size_moves_no_score(tiny_encoder: Path) -> None:
    one = SETTINGS.model_copy(update={"batch_size": 1})
    found = [row.f1 for row in rows(tiny_encoder, *ANSWERS, settings=one)]
    assert found == pytest.approx([row.f1 for row in rows(tiny_encoder, *ANSWERS)], abs=1e-6)


def test_a_text_longer_than_the_encoders_positions_is_cut(tiny_encoder: Path) -> None:
    long = "the yoga mat is grey " * 100
    (row,) = rows(tiny_encoder, (long, long))
    assert row.f1 == pytest.approx(1, abs=1e-5)


def test_what_made_the_rows_names_encoder_layer_and_versions_and_no_folder(
    tiny_encoder: Path, tmp_path: Path
) -> None:
    made_from, _ = bertscore(given(*ANSWERS), tiny_encoder, SETTINGS, "cpu")
    assert made_from["encoder"] == read_base(tiny_encoder)[0].base
    assert made_from["layer"] == 2
    assert "_L2_no-idf_version=0.3.13(hug_trans=" in made_from["hash"]
    assert "/" not in json.dumps(made_from)
    moved = shutil.copytree(read_base(tiny_encoder)[1], tmp_path / "elsewhere")
    manifest = tmp_path / str(made_from["encoder"]) / "manifest.json"
    fetch_base(manifest.parent.name, PathSource(source="path", path=str(moved)), manifest)
    assert bertscore(given(*ANSWERS), manifest, SETTINGS, "cpu")[0] == made_from


def test_a_missing_device_and_other_versions_are_refused(
    tiny_encoder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(InputError, match="device: cuda is configured"):
        bertscore(given(*ANSWERS), tiny_encoder, SETTINGS, "cuda")
    monkeypatch.setattr("ecslm.files.metadata.version", lambda _: "0.1")
    with pytest.raises(InputError, match=r"bert-score: 0\.1 here"):
        bertscore(given(*ANSWERS), tiny_encoder, SETTINGS, "cpu")


def test_the_script_writes_rows_and_how_they_were_made(
    tiny_encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_jsonl(tmp_path / "P.jsonl", given(*ANSWERS))
    arguments = [
        *("--predictions", tmp_path / "P.jsonl", "--encoder", tiny_encoder),
        *("--settings", SETTINGS.model_dump_json(), "--output", tmp_path / "B.jsonl"),
    ]
    assert run_here(monkeypatch, "bertscore.py", arguments) == 0
    expected = rows(tiny_encoder, *ANSWERS)
    assert read_lines(tmp_path / "B.jsonl") == [row.model_dump() for row in expected]
    assert json.loads((tmp_path / "B.manifest.json").read_text())["layer"] == 2


def test_rows_of_a_job_whose_end_was_not_seen_are_put_into_place_again(
    tiny_encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_jsonl(tmp_path / "P.jsonl", given(*ANSWERS))
    results = [tmp_path / "B.jsonl", tmp_path / "B.manifest.json"]
    arguments = [
        *("--predictions", tmp_path / "P.jsonl", "--encoder", tiny_encoder, "--code", "code:1"),
        *("--settings", SETTINGS.model_dump_json(), "--output", results[0]),
    ]
    assert run_here(monkeypatch, "bertscore.py", arguments) == 0
    before = [path.read_bytes() for path in results]
    for path in results:
        path.unlink()
    monkeypatch.setattr("ecslm.bertscore.bertscore", None)
    assert run_here(monkeypatch, "bertscore.py", arguments) == 0
    assert [path.read_bytes() for path in results] == before
