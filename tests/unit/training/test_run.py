"""A whole training: its files, its bytes, and what a killed one leaves behind."""

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from support import tiny, warm
from support.model_examples import (
    PROMPTS,
    QUANTISED,
    QUICK,
    SCRIPTS,
    adapter_settings,
    make_record,
    read_lines,
    train,
    write_records,
)

from ecslm.common import locks
from ecslm.common.devices import sharing
from ecslm.common.errors import InputError
from ecslm.common.files import read_json, write_jsonl
from ecslm.common.hashing import sha256_of_file
from ecslm.common.results_cache import ROOT_VARIABLE
from ecslm.common.worker import place
from ecslm.fingerprint.running import code_parameter
from ecslm.models.adapters import read_adapter
from ecslm.models.bases import PathSource, read_base
from ecslm.models.fetching import fetch_base
from ecslm.models.manifests import files_digest
from ecslm.models.prompts import PromptTemplate
from ecslm.training import fit as training
from ecslm.training import run as training_run
from ecslm.training.processes import Processes

WEIGHTS = "adapter_model.safetensors"
FILES = ["adapter_config.json", WEIGHTS]
STEPS = 6


class Killed(BaseException):
    """Stands for a signal that ends the process."""


def kill_after(monkeypatch: pytest.MonkeyPatch, steps: int) -> None:
    """Let the next training die when it has taken so many steps."""

    class Deadly(training.Progress):
        def on_step_end(self, _args: Any, state: Any, _control: Any, **_options: Any) -> None:
            if state.global_step == steps:
                raise Killed

    monkeypatch.setattr(training, "Progress", Deadly)


def work_in(folder: Path) -> list[Path]:
    return [path for path in (folder / "adapter" / "work").iterdir() if path.is_dir()]


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


def test_the_manifest_counts_the_records_of_the_share_that_was_used(
    tiny_base: Path, tmp_path: Path
) -> None:
    manifest = read_adapter(train(tmp_path, tiny_base, adapter_settings(train_fraction=0.4)))
    assert manifest.records == {"AG": 2, "PM": 2}
    history = read_lines(tmp_path / "adapter/log.jsonl")
    # An epoch has one step in place of three.
    assert sum("loss" in entry for entry in history) == QUICK["epochs"]


def test_only_a_quantised_adapter_depends_on_the_library_that_quantises(
    quantised_adapter: Path,
) -> None:
    assert "bitsandbytes" in read_adapter(quantised_adapter).versions


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
    found = []
    for environment in ("1", "2"):
        folder = tmp_path / environment
        options = {
            "--train": write_records(tmp_path / "train.jsonl", 40),
            "--val": write_records(tmp_path / "val.jsonl", 3, split="val"),
            "--base": tiny_base,
            "--template": PROMPTS / "alpaca.jinja",
            "--settings": settings.model_dump_json(),
            "--threads": 2,
            "--output": folder / "manifest.json",
        }
        command = [str(part) for option in options.items() for part in option]
        variables = os.environ | {"OMP_NUM_THREADS": environment}
        with (tmp_path / "printed.txt").open("wb") as printed:
            script = [str(SCRIPTS / "train_adapter.py"), *command]
            process = warm.start(script, tmp_path, printed, printed, variables)
        assert process.wait() == 0, (tmp_path / "printed.txt").read_text()
        cost = json.loads((folder / "cost.json").read_text())
        assert cost["device"].endswith("CPU, 2 threads")
        assert read_adapter(folder / "manifest.json").threads == 2
        found.append((folder / WEIGHTS).read_bytes())
    assert found[0] == found[1]


def test_another_seed_gives_another_adapter(
    exact_adapter: Path, tiny_base: Path, tmp_path: Path
) -> None:
    other = train(tmp_path, tiny_base, seed=1)
    assert read_adapter(other).files[WEIGHTS] != read_adapter(exact_adapter).files[WEIGHTS]
    assert read_adapter(other).seed == 1


@pytest.mark.parametrize(("steps", "seconds"), [(1, 1e9), (3, 0.0), (5, 1e9)])
def test_a_killed_training_goes_on_to_the_same_bytes(
    exact_adapter: Path,
    tiny_base: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    steps: int,
    seconds: float,
) -> None:
    with monkeypatch.context() as patch, pytest.raises(Killed):
        kill_after(patch, steps)
        train(tmp_path, tiny_base, checkpoint_seconds=seconds)
    assert not (tmp_path / "adapter" / "manifest.json").exists()
    resumed = train(tmp_path, tiny_base, checkpoint_seconds=seconds)
    assert_same_bytes(resumed, exact_adapter)
    logged = read_lines(resumed.parent / "log.jsonl")
    assert [entry["step"] for entry in logged if "loss" in entry] == [*range(1, STEPS + 1)]


def test_a_killed_fused_training_goes_on_to_the_same_bytes(
    tiny_base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    precision = {"quantization": "nf4", "dtype": "bfloat16"}
    settings = adapter_settings(precision, fused=True, dropout=0.0)
    with monkeypatch.context() as patch, pytest.raises(Killed):
        kill_after(patch, 2)
        train(tmp_path / "killed", tiny_base, settings, checkpoint_seconds=0.0)
    resumed = train(tmp_path / "killed", tiny_base, settings)
    assert_same_bytes(resumed, train(tmp_path / "whole", tiny_base, settings))


def test_a_resumed_training_does_not_start_over_and_its_energy_is_not_known(
    tiny_base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ecslm.models.cost._energy_joules", lambda _device: 5.0)
    with monkeypatch.context() as patch, pytest.raises(Killed):
        kill_after(patch, 5)
        train(tmp_path, tiny_base, checkpoint_seconds=0)
    # Dies at step 2 if it ever gets there again.
    kill_after(monkeypatch, 2)
    resumed = train(tmp_path, tiny_base)
    assert json.loads((resumed.parent / "cost.json").read_text())["energy_joules"] is None


def test_a_training_killed_by_a_signal_goes_on_to_the_same_bytes(
    tiny_base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Thirty steps, so that the signal comes long before the end."""
    records = write_records(tmp_path / "sixty.jsonl", 60)
    code = code_parameter("train_adapter.py")
    whole = train(tmp_path / "whole", tiny_base, train=[records], code=code)
    manifest = tmp_path / "adapter" / "manifest.json"
    settings = adapter_settings().model_dump_json()
    command = [
        str(SCRIPTS / "train_adapter.py"),
        *("--settings", settings),
        *("--train", str(records), "--val", str(tmp_path / "whole" / "val.jsonl")),
        *("--base", str(tiny_base), "--template", str(PROMPTS / "alpaca.jinja")),
        *("--model", "Tiny-EC", "--threads", "1", "--code", code),
        *("--checkpoint-seconds", "0", "--output", str(manifest)),
    ]
    with (tmp_path / "printed.txt").open("wb") as printed:
        process = warm.start(command, tmp_path, printed, printed, os.environ)
    state = "checkpoint-2/sha256.json"
    deadline = time.monotonic() + 120
    while not list(tmp_path.glob(f"adapter/work/*/{state}")) and process.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.002)
    process.kill()
    assert process.wait() == -signal.SIGKILL, (tmp_path / "printed.txt").read_text()
    assert not manifest.exists()
    kill_after(monkeypatch, 1)  # It continues after this step.
    assert_same_bytes(train(tmp_path, tiny_base, train=[records], code=code), whole)


def test_other_data_does_not_continue_the_killed_training(
    exact_adapter: Path, tiny_base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "other.jsonl"
    write_jsonl(other, [make_record(number, output="maybe") for number in range(10)])
    with monkeypatch.context() as patch, pytest.raises(Killed):
        kill_after(patch, 5)
        train(tmp_path, tiny_base, train=[other], checkpoint_seconds=0)
    assert_same_bytes(train(tmp_path, tiny_base), exact_adapter)


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
    kill_after(monkeypatch, 1)
    # It does not wait for a device either.
    monkeypatch.setattr(training_run, "lease_devices", None)
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


def test_models_of_equal_settings_share_an_adapter(
    tiny_base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(ROOT_VARIABLE, str(tmp_path / "cache"))
    first = read_adapter(train(tmp_path / "one", tiny_base))
    kill_after(monkeypatch, 1)
    second = read_adapter(train(tmp_path / "two", tiny_base, model="Other-EC"))
    assert (first.files, first.model) == (second.files, "Tiny-EC")
    assert second.model == "Other-EC"
    assert str(tmp_path / "two" / "train.jsonl") in second.inputs


def test_an_adapter_of_anything_else_is_trained(
    tiny_base: Path, other_base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(ROOT_VARIABLE, str(tmp_path / "cache"))
    train(tmp_path, tiny_base, code="code:1")
    kill_after(monkeypatch, 1)
    more = tmp_path / "more.jsonl"
    changes: list[dict[str, Any]] = [
        *({"seed": 1}, {"threads": 2}, {"code": "code:2"}, {"base": other_base}),
        *({"settings": adapter_settings(alpha=9)}, {"template": PROMPTS / "chatml.jinja"}),
        *({"train": [write_records(more, 11)]}, {"val": [write_records(more, 4)]}),
    ]
    for change in changes:
        with pytest.raises(Killed):
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


def test_a_diverging_training_says_so_in_one_line(tiny_base: Path, tmp_path: Path) -> None:
    settings = adapter_settings(learning_rate=1e30, warmup_ratio=0.0)
    with pytest.raises(InputError, match=r"the loss is .* lower `learning_rate`") as caught:
        train(tmp_path, tiny_base, settings)
    assert len(caught.value.problems) == 1


def test_a_gradient_that_is_not_finite_reaches_no_weight(
    tiny_base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though the loss is: as of attention that fails in its backward pass alone."""
    steps: list[int] = []
    summed = Processes.sum_gradients

    def poisoned(self: Processes, weights: Sequence[torch.nn.Parameter]) -> None:
        summed(self, weights)
        steps.append(len(steps))
        if len(steps) == 2:
            weights[0].grad[0, 0] = torch.nan

    monkeypatch.setattr(Processes, "sum_gradients", poisoned)
    with pytest.raises(InputError, match=r"the norm of the gradient is nan at step 2"):
        train(tmp_path, tiny_base)
    assert not list(tmp_path.rglob("*.safetensors"))


def test_the_validation_records_can_be_limited(tiny_base: Path, tmp_path: Path) -> None:
    settings = adapter_settings(epochs=1, max_val_records=1)
    limited = read_lines(train(tmp_path, tiny_base, settings).parent / "log.jsonl")
    assert "eval_loss" in limited[-1]
    one = write_records(tmp_path / "one.jsonl", 1, split="val")
    settings = adapter_settings(epochs=1)
    alone = train(tmp_path / "alone", tiny_base, settings, val=[one])
    expected = read_lines(alone.parent / "log.jsonl")[-1]["eval_loss"]
    assert limited[-1]["eval_loss"] == expected


def test_gradient_checkpointing_does_not_change_the_adapter(
    exact_adapter: Path, tiny_base: Path, tmp_path: Path
) -> None:
    settings = adapter_settings(gradient_checkpointing=True)
    checkpointed = load_file(train(tmp_path, tiny_base, settings).parent / WEIGHTS)
    for name, weight in load_file(exact_adapter.parent / WEIGHTS).items():
        assert (weight - checkpointed[name]).abs().max() < 1e-4, name


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
    assert [list(work.iterdir()) for work in work_in(tmp_path)] == [[]]


def test_what_one_process_has_trained_is_not_what_two_would(
    tiny_base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def start(*_arguments: Any) -> None:
        raise InputError("two are started")

    train(tmp_path, tiny_base)
    monkeypatch.setattr("ecslm.training.run.fit_in_processes", start)
    with pytest.raises(InputError, match="two are started"):
        train(tmp_path, tiny_base, processes=2)


def test_a_process_of_a_training_whose_job_has_ended_does_not_compute(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The job's devices may be another one's already."""
    with subprocess.Popen(["sleep", "1000"]) as job:
        monkeypatch.setenv(sharing.LEASE_VARIABLE, place._name(job.pid))
        monkeypatch.setenv(place.DEVICES_VARIABLE, "GPU-a,GPU-b")
        monkeypatch.setattr(sharing, "locks_folder", lambda: tmp_path)
        monkeypatch.setattr(training_run, "end_with_parent", lambda: None)
        fitted = []
        monkeypatch.setattr(training_run, "_fit", lambda *_: fitted.append(True))
        training_run._fit_part(None, tmp_path)  # type: ignore[arg-type]
        job.kill()
        job.wait()
        with pytest.raises(SystemExit):
            training_run._fit_part(None, tmp_path)  # type: ignore[arg-type]
    assert fitted == [True]
    assert locks.lock(sharing.users_of(tmp_path, "GPU-b"), locks.EXCLUSIVE) is None
