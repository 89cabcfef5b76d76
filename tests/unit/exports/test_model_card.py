"""Cards of exported models: metadata as the hub reads them, scores, and where the model fails."""

from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import ModelCard
from support.exported_files import write_adapter_manifest
from support.project import REPORT
from support.table_files import IND, OOD, scores, write_metrics, write_simple, write_tidy

from ecslm.common.files import read_json, write_json
from ecslm.exports.card import render_card
from ecslm.exports.settings import ModelCardSettings
from ecslm.tidy.study import StudyContext

MODEL = "Small-EC"
TASKS = {
    "AG": {"title": "Answer Generation", "metric": "F_BERT", "measure": "bert_f1"},
    "PM": {"title": "Product | Matching", "metric": "F1", "measure": "binary_f1"},
}
CONTEXT = {
    "data": {"source": "a/b at c0ffee"},
    "tasks": TASKS,
}
SCORED = StudyContext.model_validate(
    {
        "models": {MODEL: {"adapter_of": MODEL, "tasks": ["AG", "PM"]}},
        "baselines": {"always-no": ["PM"], "always-yes": ["PM"]},
        "simple": {"PM": ["always-no", "always-yes"]},
    }
)
SETTINGS: dict[str, Any] = {
    **{"model": MODEL, "seed": 0, "base_license": "Apache-2.0", "study": "A shop"},
    **{"context": CONTEXT, "data_hub_id": "a/b", "data_license": "CC-BY-4.0"},
}
ON_HUB = {"source": "hub", "id": "org/small", "revision": "main"}
MANIFEST: dict[str, Any] = {"inputs": {}, "settings": {}, "code": None, "versions": {}, "files": {}}
EQUALITY = {
    "precision": {"quantization": "nf4", "dtype": "bfloat16"},
    "parameters": 12345,
    "trained_parameters": 678,
    "logits": {"prompts": 3, "largest": 20.0, "largest_difference": 0.1, "tolerance": 0.05},
    "example_prompt": "### Instruction:\nSay.\n",
}


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """The results of a tuned model, of two baselines, and its export."""
    write_adapter_manifest(tmp_path, MODEL)
    write_metrics(tmp_path, MODEL, "AG", {IND: scores(0.8, n_invalid=0, n_truncated=0)})
    poor = scores(0.3, n_invalid=20, n_truncated=None)
    fine = scores(0.9, n_invalid=0, n_truncated=6)
    write_metrics(tmp_path, MODEL, "PM", {IND: poor, OOD: fine})
    write_metrics(tmp_path, "always-no", "PM", {IND: scores(0.1), OOD: scores(0.2)})
    write_metrics(tmp_path, "always-yes", "PM", {IND: scores(0.3), OOD: scores(0.4)})
    write_simple(tmp_path, "PM", "always-yes")
    texts = (("It is.", "It is."), ("yes", "no"))
    answers = [{"adapter": {"text": one}, "exported": {"text": other}} for one, other in texts]
    write_json(tmp_path / f"exports/{MODEL}/equality.json", EQUALITY | {"answers": answers})
    write_json(tmp_path / f"exports/{MODEL}/manifest.json", MANIFEST)
    return tmp_path


def base(folder: Path, **source: str) -> Path:
    """The manifest of a base."""
    files = dict.fromkeys(("config.json", "tokenizer.json", "model.safetensors"), "0" * 64)
    about = {"files": files, "base": "Small", "folder": ".", "source": source, "revision": "c0ffee"}
    path = folder / "base/manifest.json"
    write_json(path, MANIFEST | about | {"settings": {"source": source}})
    return path


def card(results: Path, source: dict[str, str] | None = None, **changes: Any) -> str:
    settings = ModelCardSettings.model_validate(SETTINGS | changes)
    write_tidy(results, SCORED)
    template = REPORT / "model_card.md.jinja"
    return render_card(template, results, base(results, **(source or ON_HUB)), settings)


def section(text: str, title: str) -> str:
    return text.split(f"\n## {title}\n")[1].split("\n## ")[0].strip()


@pytest.mark.parametrize(("quantization", "method"), [("nf4", "QLoRA"), ("none", "LoRA")])
def test_the_card_says_how_the_model_was_tuned_and_its_head_what_the_hub_asks(
    quantization: str, method: str, results: Path
) -> None:
    path = results / f"exports/{MODEL}/equality.json"
    precision = {"quantization": quantization, "dtype": "bfloat16"}
    write_json(path, read_json(path) | {"precision": precision})
    text = card(results)
    for part in (
        f'Small tuned with {method} on 2 tasks of the study "A shop"',
        '"rank": 16',
        "Tuned on 30 records, 4,000 tokens per epoch (60 of them answers)",
        "### Instruction:\nSay.\n",
        'Its answer: "It is."',
    ):
        assert part in text
    assert ModelCard(text).data.to_dict() == {
        **{"language": "en", "license": "apache-2.0", "library_name": "transformers"},
        **{"pipeline_tag": "text-generation", "base_model": "org/small", "datasets": ["a/b"]},
        **{"base_model_relation": "finetune", "tags": [method.lower()], "model_name": MODEL},
    }


def test_of_a_base_and_data_that_are_not_on_the_hub_no_id_is_named(results: Path) -> None:
    unknown = {"data_hub_id": None, "data_license": None, "base_license": None}
    text = card(results, {"source": "path", "path": "models/small"}, **unknown)
    metadata = ModelCard(text).data.to_dict()
    assert not {"base_model", "base_model_relation", "datasets", "license"} & metadata.keys()
    assert text.count("licence: not named in the configuration") == 2


def test_scores_stand_beside_the_best_simple_baseline_and_doubtful_intervals_are_marked(
    results: Path,
) -> None:
    details = {"interval": {"method": "bootstrap", "reliable": False}}
    write_metrics(results, MODEL, "AG", {IND: scores(0.8, strict={"details": details})})
    *_, ag, ind, ood = section(card(results), "Scores").splitlines()
    assert "| 0.770 to 0.830* |" in ag
    head = r"| Product \| Matching (PM) |"
    assert ind == f"{head} {IND} | F1 | 200 | 0.300 | 0.270 to 0.330 | 10.0 % | 0.300 always-yes |"
    assert ood == f"{head} {OOD} | F1 | 200 | 0.900 | 0.870 to 0.930 | 0.0 % | 0.400 always-yes |"


def test_where_the_model_fails_is_said(results: Path) -> None:
    text = card(results)
    *lines, last = section(text, "Known failures").splitlines()
    assert lines == [
        f"- Product | Matching (PM), {IND}: not better than the simple baseline always-yes (0.300 "
        "against 0.300). Do not use it for this.",
        f"- PM, {IND}: 20 of 200 answers could not be read (10.0 %).",
        f"- PM, {OOD}: 6 of 200 answers were cut off at the limit of tokens.",
        "- Inputs of 1 training records were cut.",
    ]
    assert "whether it is wrong" in last
    equal = section(text, "Equal to the base with the adapter")
    assert "1 of 2 test records have the same answer from both" in equal
    assert "0.5 % of the largest logit (accepted: 5.0 %)" in equal
