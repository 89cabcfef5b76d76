"""A whole training: its files and its bytes."""

import shutil
from math import cos, pi
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from support import tiny
from support.model_examples import (
    PROMPTS,
    QUANTISED,
    QUICK,
    adapter_settings,
    make_record,
    read_lines,
    train,
    write_records,
)

from ecslm.common.errors import InputError
from ecslm.common.files import read_json, write_jsonl
from ecslm.common.hashing import sha256_of_file
from ecslm.common.results_cache import ROOT_VARIABLE
from ecslm.models.bases import PathSource, read_base
from ecslm.models.fetching import fetch_base
from ecslm.models.manifests import files_digest, read_adapter
from ecslm.models.prompts import PromptTemplate
from ecslm.training import run
from ecslm.training.trainer import Trainer

WEIGHTS = "adapter_model.safetensors"
FILES = ["adapter_config.json", WEIGHTS]
STEPS = 6


class TrainedError(Exception):
    """Instead of a training."""


def refuse(*_: Any, **_options: Any) -> None:
    raise TrainedError


def test_the_manifest_tells_what_the_adapter_was_made_from(
    exact_adapter: Path, tiny_base: Path
) -> None:
    manifest, base = read_adapter(exact_adapter), read_base(tiny_base)[0]
    assert (manifest.source, manifest.revision) == (base.base, "local")
    assert manifest.base_sha256 == files_digest(base.files)
    assert manifest.files == {name: sha256_of_file(exact_adapter.parent / name) for name in FILES}
    assert manifest.records == {"AG": 5, "PM": 5}
    assert manifest.truncated == {"AG": 0, "PM": 0}
    assert manifest.tokens["AG"] > manifest.answer_tokens["AG"] > manifest.answer_tokens["PM"] > 5
    assert manifest.best_step in (3, STEPS)
    assert manifest.settings == adapter_settings().model_dump(mode="json")
    data = exact_adapter.parent.parent
    read = [data / "train.jsonl", data / "val.jsonl", tiny_base]
    assert manifest.inputs == {str(path): sha256_of_file(path) for path in read}
    assert manifest.template_sha256 == PromptTemplate(PROMPTS / "alpaca.jinja").sha256
    assert manifest.versions.keys() == {
        *("torch", "transformers", "accelerate", "safetensors", "Jinja2", "tokenizers", "peft")
    }
    assert (manifest.model, manifest.seed, manifest.threads) == ("Tiny-EC", 0, 1)


def test_the_adapter_holds_its_own_matrices_and_no_embedding(
    exact_adapter: Path, tiny_model: Path
) -> None:
    weights = load_file(exact_adapter.parent / WEIGHTS)
    assert all(".lora_A." in name or ".lora_B." in name for name in weights)
    trained = sum(weight.numel() for weight in weights.values())
    assert trained == tiny.trained_weights(tiny_model, QUICK["rank"])
    assert (exact_adapter.parent / WEIGHTS).stat().st_size < 4 * trained + 10_000
    assert any("lm_head" in name for name in weights)


@pytest.mark.parametrize("adapter", ["exact_adapter", "quantised_adapter"])
def test_training_lowers_both_losses_and_its_rate_warms_up_and_falls_as_a_cosine(
    adapter: str, request: pytest.FixtureRequest
) -> None:
    manifest = request.getfixturevalue(adapter)
    history = read_lines(manifest.parent / "log.jsonl")
    for name, count in (("loss", STEPS), ("eval_loss", 2)):
        values = [entry[name] for entry in history if name in entry]
        assert len(values) == count
        assert values[-1] < values[0]
    found = [entry["learning_rate"] for entry in history if "loss" in entry]
    falling = [QUICK["learning_rate"] * (1 + cos(pi * step / 5)) / 2 for step in range(5)]
    assert found == pytest.approx([0.0, *falling])
    tokens = [entry["tokens"] for entry in history]
    assert tokens == sorted(tokens)
    cost = read_json(manifest.parent / "cost.json")
    assert tokens[-1] == cost["tokens"] == 2 * sum(read_adapter(manifest).tokens.values())
    assert cost["peak_memory_bytes"] > 10_000_000
    assert cost["job_seconds"] > cost["seconds"] > 0


CHANGES: list[dict[str, Any]] = [
    *({"weight_decay": 0.5}, {"scheduler": "linear"}, {"warmup_ratio": 0.5}, {"dropout": 0.0}),
    *({"max_grad_norm": 1e-3}, {"loss_weights": "records"}, {"order": "stratified"}),
    *({"alpha": 9}, {"train_fraction": 0.4}),
]


@pytest.mark.parametrize("change", CHANGES, ids=str)
def test_each_setting_reaches_the_adapter(
    exact_adapter: Path, tiny_base: Path, tmp_path: Path, change: dict[str, Any]
) -> None:
    other = read_adapter(train(tmp_path, tiny_base, adapter_settings(**change)))
    assert other.files[WEIGHTS] != read_adapter(exact_adapter).files[WEIGHTS]
    wanted = 2 if "train_fraction" in change else 5
    assert other.records == {"AG": wanted, "PM": wanted}


def test_training_again_elsewhere_gives_the_same_bytes(
    quantised_adapter: Path, tiny_base: Path, tmp_path: Path
) -> None:
    """The manifests alike but for the folders that their inputs lie in."""
    again = train(tmp_path, tiny_base, adapter_settings(QUANTISED))
    for name in FILES:
        assert (again.parent / name).read_bytes() == (quantised_adapter.parent / name).read_bytes()
    found = [read_json(path) for path in (again, quantised_adapter)]
    inputs = [list(manifest.pop("inputs").values()) for manifest in found]
    assert (found[0], inputs[0]) == (found[1], inputs[1])


def test_peft_loads_an_adapter_with_its_base_from_where_it_was_trained(
    exact_adapter: Path, tiny_base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from peft import AutoPeftModelForCausalLM

    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    loaded = AutoPeftModelForCausalLM.from_pretrained(str(exact_adapter.parent))
    weights = load_file(exact_adapter.parent / WEIGHTS)
    name = next(name for name in weights if "lora_B" in name)
    found = loaded.state_dict()[name.replace(".weight", ".default.weight")]
    assert found.equal(weights[name])
    assert Path(loaded.peft_config["default"].base_model_name_or_path) == read_base(tiny_base)[1]


@pytest.mark.usefixtures("empty_folder")
def test_an_adapter_names_its_base_as_seen_from_the_project(tiny_model: Path) -> None:
    """So that it can be loaded where the project has been moved to."""
    model, base = Path("models/tiny"), Path("results/bases/tiny/manifest.json")
    shutil.copytree(tiny_model, model)
    fetch_base("tiny", PathSource(source="path", path=str(model)), base)
    train(Path("mine"), base)
    configuration = read_json(Path("mine/adapter/adapter_config.json"))
    assert configuration["base_model_name_or_path"] == str(model)


def test_the_given_threads_are_used_and_bytes_depend_on_no_others(
    tiny_base: Path, tmp_path: Path
) -> None:
    """All records in one batch, which is large enough to be split among threads; whether that
    changes bytes depends on the CPU."""
    settings = adapter_settings(batch_tokens=20_000, global_batch=20, epochs=1)
    records = write_records(tmp_path / "train.jsonl", 20)
    before, found = torch.get_num_threads(), []
    for number in (1, 3):
        torch.set_num_threads(number)
        folder = tmp_path / str(number)
        made = train(folder, tiny_base, settings, train=[records], threads=2)
        assert read_json(made.parent / "cost.json")["device"].endswith("CPU, 2 threads")
        assert read_adapter(made).threads == 2
        found.append((made.parent / WEIGHTS).read_bytes())
    torch.set_num_threads(before)
    assert found[0] == found[1]


def test_a_finished_adapter_is_put_into_place_without_training_and_one_of_anything_else_is_trained(
    tiny_base: Path, other_base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Snakemake deletes results before it runs their job. The name of the model, and the order of
    files, are nothing else."""
    monkeypatch.setenv(ROOT_VARIABLE, str(tmp_path / "cache"))
    files = [write_records(tmp_path / f"{task}.jsonl", 4, task=task) for task in ("AG", "PM")]
    given: dict[str, Any] = {"base": tiny_base, "code": "code:1", "train": files}
    folder = train(tmp_path, **given).parent
    before = {path.name: path.read_bytes() for path in folder.glob("*.*")}
    assert sorted(before) == sorted([*FILES, "cost.json", "log.jsonl", "manifest.json"])
    for name in before:
        (folder / name).unlink()
    # Nor is a device waited for.
    monkeypatch.setattr(run, "lease_devices", lambda *_: None)
    for name in ("_fit", "in_processes"):
        monkeypatch.setattr(run, name, refuse)
    train(tmp_path, **given)
    assert {path.name: path.read_bytes() for path in folder.glob("*.*")} == before
    turned = {**given, "model": "Other-EC", "train": files[::-1]}
    second = read_adapter(train(tmp_path / "two", **turned))
    assert (second.model, second.files) == (
        "Other-EC",
        read_adapter(folder / "manifest.json").files,
    )
    more = tmp_path / "more.jsonl"
    changes: list[dict[str, Any]] = [
        *({"seed": 1}, {"threads": 2}, {"code": "code:2"}, {"base": other_base}),
        *({"settings": adapter_settings(alpha=9)}, {"template": PROMPTS / "chatml.jinja"}),
        *({"train": [write_records(more, 11)]}, {"val": [write_records(more, 4)]}),
        {"processes": 2},
    ]
    for change in changes:
        with pytest.raises(TrainedError):
            train(tmp_path, **(given | change))


def test_cut_inputs_are_counted_by_task_and_so_many_records_are_evaluated(
    tiny_base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = [make_record(number) for number in range(4)]
    records.append(make_record(4, input="a very long product description " * 50))
    write_jsonl(tmp_path / "long.jsonl", records)
    settings = adapter_settings(epochs=1, max_val_records=2)
    val = write_records(tmp_path / "five.jsonl", 5, split="val")
    evaluated: list[str] = []

    def evaluate(trainer: Trainer) -> float:
        evaluated.extend(one.task for one in trainer.validation)
        return 1.0

    monkeypatch.setattr(Trainer, "evaluate", evaluate)
    manifest = train(tmp_path, tiny_base, settings, train=[tmp_path / "long.jsonl"], val=[val])
    # Evenly spaced, of tasks that take turns.
    assert evaluated == ["PM", "PM"]
    assert read_adapter(manifest).truncated == {"AG": 0, "PM": 1}
    assert read_adapter(manifest).tokens["PM"] < 3 * QUICK["max_length"]


def test_a_split_without_records_is_named(tiny_base: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no validation records"):
        train(tmp_path, tiny_base, val=[write_records(tmp_path / "empty.jsonl", 0)])


def test_an_adapter_that_does_not_fit_the_base_is_refused_before_any_work(
    tiny_base: Path, tmp_path: Path
) -> None:
    """Of names that no layer has, peft would make an adapter of the others alone."""
    settings = adapter_settings(target_modules=["q_prj", "v_proj"])
    with pytest.raises(InputError) as caught:
        train(tmp_path, tiny_base, settings)
    (line,) = caught.value.problems
    assert "target_modules: q_prj is no linear layer of tiny: did you mean `q_proj`?" in line
