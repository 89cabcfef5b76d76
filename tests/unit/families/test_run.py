"""A whole predictions job: its file's bytes, what a killed one leaves, what it refuses."""

import json
import shutil
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from support.machine import install
from support.model_examples import (
    EXACT,
    PROMPTS,
    make_record,
    prediction_settings,
    read_lines,
    run_predict,
    write_records,
)
from support.scripts import run_script

from ecslm.common.errors import InputError
from ecslm.common.files import read_json, write_json, write_jsonl
from ecslm.common.hashing import sha256_of_file, sha256_of_text
from ecslm.common.manifests import made_from, manifest_of, read_manifest, write_manifest
from ecslm.common.results_cache import ROOT_VARIABLE
from ecslm.families.backend import Generated
from ecslm.families.predict import BATCHES, FinishedBatch, given_records, opening
from ecslm.families.transformers.generation import Engine
from ecslm.models.bases import PathSource
from ecslm.models.fetching import fetch_base
from ecslm.models.prompts import PromptTemplate
from ecslm.schemas.prediction import read_predictions
from ecslm.schemas.record import Record

EXAMPLE = '{"input": "a red mug", "options": null, "output": "yes"}'


class Killed(BaseException):
    """Stands for a signal that ends the process."""


def watch(monkeypatch: pytest.MonkeyPatch, die_at: int | None = None) -> list[int]:
    """Note the batches that are generated; die at the start of the `die_at`th of them."""
    seen: list[int] = []
    generate = Engine.generate

    def watched(self: Engine, prompts: Any, batch: int, forms: Any) -> list[Generated]:
        if len(seen) == die_at:
            raise Killed
        seen.append(batch)
        return generate(self, prompts, batch, forms)

    monkeypatch.setattr(Engine, "generate", watched)
    return seen


def work_in(folder: Path) -> list[Path]:
    return [path for path in (folder / "work").iterdir() if path.is_dir()]


@pytest.fixture(scope="module")
def whole(tiny_base: Path, fluent_adapter: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Predictions of the tuned model, never interrupted."""
    return run_predict(tmp_path_factory.mktemp("whole"), tiny_base, fluent_adapter)


def test_there_is_a_prediction_for_each_record_in_the_datasets_order(
    whole: Path, tiny_base: Path, fluent_adapter: Path
) -> None:
    rows = read_predictions(whole)
    assert {row.prediction for row in rows} <= {"yes", "no, it is another thing"}, "else noise"
    assert {row.finish_reason for row in rows} == {"stop"}
    assert work_in(whole.parent) == [], "nothing is left of the work"
    template = PromptTemplate(PROMPTS / "alpaca.jinja")
    records = [make_record(number, split="test") for number in range(7)]
    for row, record in zip(rows, records, strict=True):
        for field in ("id", "sample_id", "task", "setting", "options", "relevance"):
            assert getattr(row, field) == getattr(record, field)
        assert row.reference == record.output
        assert row.prompt_sha256 == sha256_of_text(template.render(record, 0))
    cost = json.loads((whole.parent / "cost.json").read_text())
    assert cost["prompts"] == len(rows)
    assert cost["prompt_tokens"] == sum(row.prompt_tokens or 0 for row in rows)
    assert cost["generated_tokens"] == sum(row.generated_tokens or 0 for row in rows)
    assert (cost["truncated_inputs"], cost["halved_batches"]) == (0, 0)
    assert cost["seconds"] > 0 < cost["load_seconds"]
    assert "CPU" in cost["device"]
    manifest = read_manifest(manifest_of(whole))
    read = [whole.parent / "test.jsonl", tiny_base, fluent_adapter]
    assert manifest.inputs == {str(path): sha256_of_file(path) for path in read}
    assert manifest.template_sha256 == template.sha256
    assert manifest.files == {whole.name: sha256_of_file(whole)}
    assert manifest.settings == prediction_settings().model_dump(mode="json")
    assert manifest.versions.keys() == {
        *("torch", "transformers", "accelerate", "safetensors", "Jinja2", "tokenizers", "peft")
    }
    made = json.loads(manifest_of(whole).read_text())
    assert (made["model"], made["seed"], made["threads"]) == (None, 0, 1)


def test_equal_adapters_predict_once_however_they_were_made(
    tiny_base: Path, fluent_adapter: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The code of training has changed, say, and has given the same weights. Finished predictions
    are put into place without a model, and without waiting for a device."""
    monkeypatch.setenv(ROOT_VARIABLE, str(tmp_path / "cache"))
    shutil.copytree(fluent_adapter.parent, tmp_path / "copy")
    again = tmp_path / "copy" / "manifest.json"
    again.write_text(json.dumps(json.loads(again.read_text()) | {"code": "code:another"}))
    first = run_predict(tmp_path / "one", tiny_base, fluent_adapter, code="code:1")
    seen = watch(monkeypatch)
    monkeypatch.setattr("ecslm.families.predict.lease_devices", None)
    second = run_predict(tmp_path / "two", tiny_base, again, code="code:1")
    assert seen == []
    for name in ("predictions.jsonl", "cost.json"):
        assert second.with_name(name).read_bytes() == first.with_name(name).read_bytes()
    assert read_manifest(manifest_of(second)).inputs[str(again)] == sha256_of_file(again)


def test_only_what_a_model_sees_of_a_record_is_answered_again(
    tiny_base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It never sees a right answer or a label; a corrected one is joined with the answers."""
    monkeypatch.setenv(ROOT_VARIABLE, str(tmp_path / "cache"))
    given: list[Record] = []
    monkeypatch.setattr(
        "ecslm.families.predict.opening",
        lambda request, records: given.extend(records) or opening(request, records),
    )
    others = {
        **{"split": "val", "options": ["maybe"], "relevance": ["E"]},
        "few_shot_example": '{"input": "a", "options": null, "output": "b"}',
    }
    records = [make_record(number, split="test") for number in range(4)]
    dataset = tmp_path / "records.jsonl"
    write_jsonl(dataset, records)
    run_predict(tmp_path / "old", tiny_base, dataset=dataset)
    assert {(one.output, one.relevance, one.setting) for one in given} == {("", None, "")}
    seen = watch(monkeypatch)
    for field in Record.model_fields:
        changed = records[3].model_copy(update={field: others.get(field, "other")})
        write_jsonl(dataset, [*records[:3], changed])
        seen.clear()
        row = read_lines(run_predict(tmp_path / field, tiny_base, dataset=dataset))[-1]
        asked = ["task", "split", "instruction", "input", "options", "few_shot_example"]
        assert bool(seen) == (field in asked), field
        own = {"id", "sample_id", "task", "setting", "options", "relevance"}
        if field != "few_shot_example":
            assert row.items() >= changed.model_dump(include=own).items()
            assert row["reference"] == changed.output


def test_predictions_of_anything_else_are_made(
    tiny_base: Path, other_base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(ROOT_VARIABLE, str(tmp_path / "cache"))
    run_predict(tmp_path, tiny_base, code="code:1")
    shorter = prediction_settings(decoding={"max_new_tokens": 23})
    changes: list[dict[str, Any]] = [
        *({"seed": 1}, {"threads": 2}, {"code": "code:2"}, {"settings": shorter}),
        *({"template": PROMPTS / "chatml.jinja"}, {"base": other_base}, {"batch_tokens": 16}),
        {"dataset": write_records(tmp_path / "fewer.jsonl", 6)},
    ]
    watch(monkeypatch, die_at=0)
    for change in changes:
        with pytest.raises(Killed):
            run_predict(tmp_path, **{"base": tiny_base, "code": "code:1", **change})


def test_neither_the_token_budget_nor_other_records_change_a_byte(
    tiny_base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Batches go from long to short, the file keeps the dataset's order."""
    seen, own = watch(monkeypatch), prediction_settings(shots=1)
    dataset = write_records(tmp_path / "all.jsonl", 7, split="test", few_shot_example=EXAMPLE)
    output = run_predict(tmp_path / "16", tiny_base, None, own, dataset=dataset, batch_tokens=16)
    assert len(seen) == 7
    whole = run_predict(tmp_path / "all", tiny_base, None, own, dataset=dataset, batch_tokens=9999)
    assert len(seen) == 8
    assert whole.read_bytes() == output.read_bytes()
    rows = read_lines(output)
    lengths = [row["prompt_tokens"] for row in rows]
    assert lengths != sorted(lengths, reverse=True)
    assert len({row["prediction"] for row in rows}) > 3
    record = make_record(5, split="test", few_shot_example=EXAMPLE)
    template = PromptTemplate(PROMPTS / "alpaca.jinja")
    assert rows[5]["prompt_sha256"] == sha256_of_text(template.render(record, 1))
    write_jsonl(dataset, [record])
    alone = run_predict(tmp_path / "5", tiny_base, None, own, dataset=dataset)
    assert read_lines(alone) == [rows[5]]


def test_a_killed_job_goes_on_after_its_last_whole_batch(
    tiny_base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where tokens are drawn; the seconds of the killed run count, its energy is not known."""
    monkeypatch.setattr("ecslm.models.cost._energy_joules", lambda _device: 5.0)
    settings = prediction_settings(decoding={"sample": True, "temperature": 1.0})
    with monkeypatch.context() as patch:
        batches = watch(patch)
        expected = run_predict(tmp_path / "whole", tiny_base, None, settings)
    assert len(batches) > 3
    assert read_json(expected.with_name("cost.json"))["energy_joules"] == 0
    with monkeypatch.context() as patch, pytest.raises(Killed):
        watch(patch, die_at=2)
        run_predict(tmp_path, tiny_base, None, settings)
    assert not (tmp_path / "predictions.jsonl").exists()
    (work,) = work_in(tmp_path)
    text = (work / BATCHES).read_bytes()
    lines = [FinishedBatch.model_validate_json(line) for line in text.splitlines()]
    lines[0] = lines[0].model_copy(update={"seconds": 1000.0}).sealed()
    write_jsonl(work / BATCHES, lines)
    with (work / BATCHES).open("ab") as stream:
        stream.write(b'{"batch": 2, "seco')
    seen = watch(monkeypatch)
    resumed = run_predict(tmp_path, tiny_base, None, settings)
    assert seen == batches[2:]
    assert resumed.read_bytes() == expected.read_bytes()
    cost = read_json(tmp_path / "cost.json")
    assert (cost["seconds"] > 1000, cost["energy_joules"]) == (True, None)


def refused(folder: Path, *arguments: Any, **changes: Any) -> str:
    """The one line of a job that is refused."""
    with pytest.raises(InputError) as caught:
        run_predict(folder, *arguments, **changes)
    (problem,) = caught.value.problems
    assert "\n" not in problem
    assert not (folder / "predictions.jsonl").exists()
    return problem


def test_an_adapter_that_does_not_fit_is_refused_with_what_to_do(
    tiny_base: Path, other_base: Path, fluent_adapter: Path, quantised_adapter: Path, tmp_path: Path
) -> None:
    """As when its directory is copied over that of another."""
    shown = write_records(tmp_path / "shown.jsonl", 1, split="test", few_shot_example=EXAMPLE)
    one_shot = {"settings": prediction_settings(shots=1), "dataset": shown}
    cases: list[tuple[str, dict[str, Any]]] = [
        ("trained with seed 0, not 1: `rm ", {"seed": 1}),
        ("then run again to retrain, or use --seed 0", {"seed": 1}),
        ("trained with model Tiny-EC, not Other-EC: `rm ", {"model": "Other-EC"}),
        ("trained with weights", {"base": other_base}),
        ("trained with prompts", {"template": PROMPTS / "chatml.jinja"}),
        ("trained with shots 0, not 1", one_shot),
    ]
    for said, changes in cases:
        given = {"base": tiny_base, "adapter": fluent_adapter} | changes
        assert said in refused(tmp_path, **given)
    problem = refused(tmp_path, tiny_base, quantised_adapter, prediction_settings(EXACT))
    assert "nf4" in problem and "`allow_other_precision`" in problem
    settings = prediction_settings(EXACT, allow_other_precision=True)
    assert run_predict(tmp_path, tiny_base, quantised_adapter, settings, model="Tiny-EC").exists()


def test_altered_files_are_refused(
    tiny_base: Path, fluent_adapter: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = write_records(tmp_path / "own.jsonl", 7, split="test")
    write_manifest(manifest_of(dataset), made_from([], {}, None, {}), [dataset])
    write_records(dataset, 6, split="test")
    assert "own.jsonl: altered" in refused(tmp_path, tiny_base, dataset=dataset)
    manifest_of(dataset).unlink()
    name = "adapter_model.safetensors"
    shutil.copytree(fluent_adapter.parent, tmp_path / "copy")
    content = bytearray((tmp_path / "copy" / name).read_bytes())
    content[-2] ^= 1
    (tmp_path / "copy" / name).write_bytes(content)
    problem = refused(tmp_path, tiny_base, tmp_path / "copy" / "manifest.json")
    assert f"{name}: altered" in problem and "retrain" in problem

    def read_then_edited(path: Path, task: str | None) -> list[Record]:
        records = given_records(path, task)
        write_records(path, 5, split="test")
        return records

    # Else the manifest would name other records than those that were answered.
    monkeypatch.setattr("ecslm.families.predict.given_records", read_then_edited)
    problem = refused(tmp_path, tiny_base, dataset=dataset)
    assert problem == f"{dataset}: changed while it was being read: run again"


def test_what_this_machine_cannot_do_is_refused(
    tiny_base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    install([], monkeypatch.setattr)
    assert "device: cuda is configured" in refused(tmp_path, tiny_base, device="cuda")
    empty = write_records(tmp_path / "empty.jsonl", 0)
    assert refused(tmp_path, tiny_base, dataset=empty) == f"{empty}: no records"
    shots = prediction_settings(shots=1)
    assert "no records for `shots: 1`" in refused(tmp_path, tiny_base, None, shots)
    settings = prediction_settings(decoding={"max_length": 21, "max_new_tokens": 20})
    assert "raise `max_length`" in refused(tmp_path, tiny_base, None, settings)
    version = metadata.version
    monkeypatch.setattr(
        "ecslm.common.environment.metadata.version",
        lambda name: "0.1" if name == "torch" else version(name),
    )
    problem = refused(tmp_path, tiny_base)
    assert problem.startswith("torch: 0.1 in this environment")
    assert problem.endswith("run `make setup`")


def own_records(path: Path, *rows: dict[str, Any]) -> Path:
    """A file of the user's own."""
    needed = {"instruction": "Answer yes or no.", "input": "a lamp", "output": "yes"}
    write_jsonl(path, [needed | row for row in rows])
    return path


def test_records_of_ones_own_need_three_fields_and_a_task_and_leave_only_results(
    tiny_base: Path, tmp_path: Path
) -> None:
    records = own_records(
        tmp_path / "mine.jsonl", {}, {"input": "a mat", "options": ["A: yes", "B: no"]}, {"id": "x"}
    )
    output = tmp_path / "answers/P.jsonl"
    options = ["--dataset", records, "--task", "PM", "--output", output, "--base", tiny_base]
    options += ["--template", PROMPTS / "alpaca.jinja"]
    options += ["--settings", prediction_settings().model_dump_json()]
    run = run_script("predict.py", *options)
    assert run.returncode == 0, run.stderr
    rows = read_predictions(output)
    assert [(row.id, row.sample_id, row.task, row.reference) for row in rows] == [
        (name, name, "PM", "yes") for name in ("1", "2", "x")
    ]
    made = {"P.jsonl", "P.cost.json", "P.manifest.json"}
    assert {path.name for path in output.parent.iterdir()} == made
    assert run_script("score.py", "--predictions", output).returncode == 0


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        ([{}], "line 1: task: missing: set it on each line, or give --task"),
        ([{"task": "PM"}, {"task": "PM", "id": "1"}], "line 2: id: '1' is already on line 1"),
        ([{"task": "PM", "answer": "x"}], "line 1: answer: unknown key"),
        ([{"task": "PM", "few_shot_example": "yes"}], "line 1: few_shot_example: not a JSON"),
    ],
)
def test_records_of_ones_own_that_could_not_be_scored_are_refused_before_the_work(
    tmp_path: Path, rows: list[dict[str, Any]], problem: str
) -> None:
    with pytest.raises(InputError) as caught:
        given_records(own_records(tmp_path / "mine.jsonl", *rows), None)
    assert problem in caught.value.problems[0]


WINDOW = 150


@pytest.fixture
def narrow_base(tiny_model: Path, tmp_path: Path) -> Path:
    """The manifest of the tiny model, trained on texts of at most `WINDOW` tokens."""
    folder = shutil.copytree(tiny_model, tmp_path / "narrow")
    config = json.loads((folder / "config.json").read_text())
    write_json(folder / "config.json", config | {"max_position_embeddings": WINDOW})
    manifest = tmp_path / "base/manifest.json"
    fetch_base("narrow", PathSource(source="path", path=str(folder)), manifest)
    return manifest


def test_inputs_are_cut_to_the_window_of_the_base_and_counted(
    narrow_base: Path, tiny_base: Path, tmp_path: Path
) -> None:
    settings = prediction_settings(decoding={"max_new_tokens": 20})
    (tmp_path / "wide").mkdir()
    whole = read_lines(run_predict(tmp_path / "wide", tiny_base, settings=settings))
    cut = read_lines(run_predict(tmp_path, narrow_base, settings=settings))
    longer = [line["prompt_tokens"] + 20 > WINDOW for line in whole]
    assert 0 < sum(longer) < len(longer)
    for one, other, is_longer in zip(cut, whole, longer, strict=True):
        assert one["prompt_tokens"] <= WINDOW - 20
        assert (one["prompt_sha256"] == other["prompt_sha256"]) == (not is_longer)
    assert json.loads((tmp_path / "cost.json").read_text())["truncated_inputs"] == sum(longer)
