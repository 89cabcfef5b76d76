"""A whole training: its files and its bytes."""

import json
import os
import shutil
from math import cos, pi
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file
from support import tiny, warm
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

from .commands import train_command

WEIGHTS = "adapter_model.safetensors"
FILES = ["adapter_config.json", WEIGHTS]
STEPS = 6


class TrainedError(Exception):
    """Instead of a training."""


def refuse_training(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the next training end before it begins."""

    def refuse(*_: Any, **_options: Any) -> None:
        raise TrainedError

    monkeypatch.setattr(run, "_fit", refuse)
    # Nor is a device waited for.
    monkeypatch.setattr(run, "lease_devices", lambda *_: None)


def assert_same_bytes(one: Path, other: Path) -> None:
    """The manifests alike but for the folders that their inputs lie in."""
    for name in FILES:
        assert (one.parent / name).read_bytes() == (other.parent / name).read_bytes(), name
    first, second = (json.loads(path.read_text()) for path in (one, other))
    digests = [list(manifest.pop("inputs").values()) for manifest in (first, second)]
    assert (first, digests[0]) == (second, digests[1])


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
    vocabulary = tiny.vocabulary_size(tiny_model)
    assert trained == tiny.trained_weights(vocabulary, QUICK["rank"])
    assert (exact_adapter.parent / WEIGHTS).stat().st_size < 4 * trained + 10_000
    assert any("lm_head" in name for name in weights)


@pytest.mark.parametrize("adapter", ["exact_adapter", "quantised_adapter"])
def test_training_lowers_both_losses(adapter: str, request: pytest.FixtureRequest) -> None:
    history = read_lines(request.getfixturevalue(adapter).parent / "log.jsonl")
    for name, count in (("loss", STEPS), ("eval_loss", 2)):
        values = [entry[name] for entry in history if name in entry]
        assert len(values) == count
        assert values[-1] < values[0]
    tokens = [entry["tokens"] for entry in history]
    assert tokens == sorted(tokens)


def test_the_learning_rate_warms_up_and_falls_as_a_cosine(exact_adapter: Path) -> None:
    log = read_lines(exact_adapter.parent / "log.jsonl")
    found = [entry["learning_rate"] for entry in log if "loss" in entry]
    falling = [QUICK["learning_rate"] * (1 + cos(pi * step / 5)) / 2 for step in range(5)]
    assert found == pytest.approx([0.0, *falling])


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


def test_the_logged_tokens_are_those_of_all_epochs(exact_adapter: Path) -> None:
    per_epoch = sum(read_adapter(exact_adapter).tokens.values())
    last = read_lines(exact_adapter.parent / "log.jsonl")[-1]
    cost = json.loads((exact_adapter.parent / "cost.json").read_text())
    assert last["tokens"] == cost["tokens"] == 2 * per_epoch
    assert cost["peak_memory_bytes"] > 10_000_000
    assert cost["job_seconds"] > cost["seconds"] > 0


@pytest.mark.parametrize("precision", [None, QUANTISED], ids=["none", "nf4"])
def test_training_again_elsewhere_gives_the_same_bytes(
    precision: dict[str, str] | None,
    request: pytest.FixtureRequest,
    tiny_base: Path,
    tmp_path: Path,
) -> None:
    settings = adapter_settings(precision) if precision else adapter_settings()
    before = request.getfixturevalue("quantised_adapter" if precision else "exact_adapter")
    assert_same_bytes(train(tmp_path, tiny_base, settings), before)


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


def test_an_adapter_names_its_base_as_seen_from_the_project(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that it can be loaded where the project has been moved to."""
    monkeypatch.chdir(tmp_path)
    model, base = Path("models/tiny"), Path("results/bases/tiny/manifest.json")
    shutil.copytree(tiny_model, model)
    fetch_base("tiny", PathSource(source="path", path=str(model)), base)
    train(Path("mine"), base)
    configuration = json.loads(Path("mine/adapter/adapter_config.json").read_text())
    assert configuration["base_model_name_or_path"] == str(model)


def test_the_given_threads_are_used_and_bytes_depend_on_no_others(
    tiny_base: Path, tmp_path: Path
) -> None:
    """All records in one batch, which is large enough to be split among threads; whether that
    changes bytes depends on the CPU."""
    settings = adapter_settings(batch_tokens=20_000, global_batch=40)
    records = write_records(tmp_path / "train.jsonl", 40)
    found = []
    for environment in ("1", "2"):
        folder = tmp_path / environment
        command = train_command(folder, tiny_base, records, settings, threads=2)
        variables = os.environ | {"OMP_NUM_THREADS": environment}
        with (tmp_path / "printed.txt").open("wb") as printed:
            process = warm.start(command, tmp_path, printed, printed, variables)
        assert process.wait() == 0, (tmp_path / "printed.txt").read_text()
        folder = folder / "adapter"
        cost = json.loads((folder / "cost.json").read_text())
        assert cost["device"].endswith("CPU, 2 threads")
        assert read_adapter(folder / "manifest.json").threads == 2
        found.append((folder / WEIGHTS).read_bytes())
    assert found[0] == found[1]


def test_an_adapter_that_was_finished_is_put_into_place_again_without_training(
    tiny_base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Snakemake deletes results before it runs their job, and those it did not see made."""
    monkeypatch.setenv(ROOT_VARIABLE, str(tmp_path / "cache"))
    manifest = train(tmp_path, tiny_base, code="code:1")
    names = [*FILES, "cost.json", "log.jsonl", "manifest.json"]
    before = {name: (manifest.parent / name).read_bytes() for name in names}
    for name in names:
        (manifest.parent / name).unlink()
    refuse_training(monkeypatch)
    train(tmp_path, tiny_base, code="code:1")
    assert {name: (manifest.parent / name).read_bytes() for name in names} == before


def test_the_order_of_the_files_changes_nothing(tiny_base: Path, tmp_path: Path) -> None:
    files = [write_records(tmp_path / f"{task}.jsonl", 4, task=task) for task in ("AG", "PM")]
    made = []
    for name, order in (("one", files), ("other", files[::-1])):
        settings = adapter_settings(epochs=1)
        manifest = train(tmp_path / name, tiny_base, settings, train=order)
        made.append((read_json(manifest)["action"], read_json(manifest)["files"]))
    assert made[0] == made[1]


def test_models_of_equal_settings_share_an_adapter_and_one_of_anything_else_is_trained(
    tiny_base: Path, other_base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(ROOT_VARIABLE, str(tmp_path / "cache"))
    first = read_adapter(train(tmp_path, tiny_base, code="code:1"))
    refuse_training(monkeypatch)
    second = read_adapter(train(tmp_path / "two", tiny_base, code="code:1", model="Other-EC"))
    assert (first.files, first.model, second.model) == (second.files, "Tiny-EC", "Other-EC")
    assert str(tmp_path / "two" / "train.jsonl") in second.inputs
    more = tmp_path / "more.jsonl"
    changes: list[dict[str, Any]] = [
        *({"seed": 1}, {"threads": 2}, {"code": "code:2"}, {"base": other_base}),
        *({"settings": adapter_settings(alpha=9)}, {"template": PROMPTS / "chatml.jinja"}),
        *({"train": [write_records(more, 11)]}, {"val": [write_records(more, 4)]}),
        {"processes": 2},
    ]
    for change in changes:
        with pytest.raises(TrainedError):
            train(tmp_path, **{"base": tiny_base, "code": "code:1", **change})


def test_cut_inputs_are_counted_by_task(tiny_base: Path, tmp_path: Path) -> None:
    records = [make_record(number) for number in range(4)]
    records.append(make_record(4, input="a very long product description " * 50))
    write_jsonl(tmp_path / "long.jsonl", records)
    settings = adapter_settings(epochs=1)
    manifest = train(tmp_path, tiny_base, settings, train=[tmp_path / "long.jsonl"])
    assert read_adapter(manifest).truncated == {"AG": 0, "PM": 1}
    assert read_adapter(manifest).tokens["PM"] < 3 * QUICK["max_length"]


def test_a_split_without_records_is_named(tiny_base: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no validation records"):
        train(tmp_path, tiny_base, val=[write_records(tmp_path / "empty.jsonl", 0)])


def test_an_adapter_that_does_not_fit_the_base_is_refused_before_any_work(
    tiny_base: Path, tmp_path: Path
) -> None:
    """Of names that no layer has, peft would make an adapter of the others alone."""
    settings = adapter_settings(target_modules=["q_prj", "v_proj"], rank=99)
    with pytest.raises(InputError) as caught:
        train(tmp_path, tiny_base, settings)
    first, second = caught.value.problems
    assert "target_modules: q_prj is no linear layer of tiny: did you mean `q_proj`?" in first
    assert "rank: 99 is more than" in second
