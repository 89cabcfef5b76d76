"""What is wrong with files that a study names is told before anything runs, each with its key."""

import logging
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file
from support.plans import IND, LOCAL, MODELS, plan
from support.project import RESOURCES

from ecslm.common.errors import InputError
from ecslm.common.files import read_json, write_json
from ecslm.models.bases import HubSource, read_base
from ecslm.plan.checks import check_named_files
from ecslm.plan.inputs import source_of
from ecslm.plan.study import Study

TRAINED = {"base": "Small", "template": "chatml"}
HUB = HubSource(source="hub", id="a/small", revision="main")


@pytest.fixture(autouse=True)
def project(
    tmp_path: Path, tiny_model: Path, tiny_encoder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A project whose bases `Small` and `Encoder` are there."""
    monkeypatch.chdir(tmp_path)
    Path("models").mkdir()
    shutil.copytree(tiny_model, "models/small")
    shutil.copytree(read_base(tiny_encoder)[1], "models/encoder")
    shutil.copytree(RESOURCES, "resources", symlinks=True)
    Path("study.csv").write_text("table,model,doubled,PM\nT,A,,0.5\n")


def models(**training: Any) -> dict[str, Any]:
    """A tuned model with settings of its own, and one with those of the study."""
    return {"Own-EC": TRAINED | {"training": training}, "Other-EC": TRAINED | {"training": {}}}


def study(**settings: Any) -> Study:
    """A study that fits its files unless `settings` say otherwise."""
    fitting = {"training": {"rank": 8}, "models": models(), "published_numbers": "."}
    return plan(**(fitting | settings))


def problems(checked: Study) -> tuple[str, ...]:
    with pytest.raises(InputError) as caught:
        check_named_files(checked)
    return caught.value.problems


# Bases


def fetched(checked: Study, source: HubSource = HUB, recorded: HubSource = HUB) -> Study:
    """The same study, where `Small` is fetched from the hub and is there."""
    folder = Path("results/bases/Small")
    shutil.copytree("models/small", folder)
    manifest = {
        "base": "Small",
        "source": recorded.model_dump(),
        "revision": "c0ffee",
        "folder": ".",
        **{"inputs": {}, "settings": {}, "code": None, "versions": {}},
        "files": {path.name: "0" * 64 for path in folder.iterdir()},
    }
    write_json(folder / "manifest.json", manifest)
    bases = checked.config.bases | {"Small": source}
    return Study(checked.config.model_copy(update={"bases": bases}))


def test_what_fits_passes_in_silence(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        check_named_files(study())
        check_named_files(fetched(study()))
    assert caplog.messages == []


def test_all_problems_come_at_once_each_with_its_key() -> None:
    """An inherited setting is told once, where it is."""
    made = study(
        training={"rank": 8, "target_modules": ["k_prj"], "batch_tokens": "auto"},
        models=models(target_modules=["q_prj", "v_proj"], rank=64, batch_tokens=99),
        bertscore={"encoder": "Encoder", "layer": 9},  # rescaled, if nothing is said
        device="cpu",
    )
    found = problems(fetched(made))
    assert [line.partition(": ")[0].removeprefix("studies.shop.") for line in found] == [
        "training.batch_tokens",
        *("models.Own-EC.training.target_modules", "models.Own-EC.training.rank"),
        *("training.target_modules", "bertscore.layer", "bertscore.rescale_language"),
    ]
    assert ": auto measures the memory of a GPU" in found[0]
    assert found[1].endswith("q_prj is no linear layer of Small: did you mean `q_proj`?")


def test_the_layer_of_an_encoder_that_is_not_here_is_never_that_of_another() -> None:
    shutil.rmtree("models/encoder")
    bertscore = {"encoder": "Encoder", "rescale_language": None}
    (line,) = problems(study(bertscore=bertscore))
    assert line.startswith("studies.shop.bertscore.layer: missing: the default 17 is that of ")
    check_named_files(study(bertscore=bertscore | {"layer": 17}))
    # Without a generation task nothing needs it.
    check_named_files(study(bertscore=bertscore, tasks=["PM"]))


def set_window(window: int, *, learned: bool) -> None:
    """Give the base another window, with a vector for each position or without."""
    path = Path("models/small/config.json")
    write_json(path, read_json(path) | {"max_position_embeddings": window})
    if learned:
        save_file({"wpe.weight": np.zeros((4, 2))}, "models/small/positions.safetensors")


def test_lengths_beyond_a_base_are_warned_of_or_refused(caplog: pytest.LogCaptureFixture) -> None:
    """Rotary positions have no end; the paper itself goes beyond them."""
    lengths = {"training": {"rank": 8, "max_length": 600}, "decoding": {"max_length": 700}}
    set_window(499, learned=False)
    check_named_files(study(**lengths))
    assert [line.removeprefix("warning: ").partition(": ")[0] for line in caplog.messages] == [
        "studies.shop.training.max_length",
        "studies.shop.models.Own-EC",
        "studies.shop.models.Other-EC",
    ]
    set_window(499, learned=True)
    assert problems(study(**lengths)) == (
        "studies.shop.training.max_length: 600, but Small has 499 positions: at most 499",
    )


def test_a_damaged_base_is_told_with_the_way_to_fetch_it_again() -> None:
    checked = fetched(study())
    Path("results/bases/Small/model.safetensors").write_bytes(b"half")
    (line,) = problems(checked)
    assert line.startswith("results/bases/Small/model.safetensors: not a whole safetensors file")
    assert line.endswith(
        "delete results/bases/Small/manifest.json and run `snakemake -- bases` to fetch it again"
    )


def test_without_the_files_the_row_of_the_table_tells_or_nothing_is_refused() -> None:
    wrong = {"models": models(target_modules=["q_prj"])}
    known = study(**wrong, architectures={"Small": "SmolLM2-135M"})
    # Weights of another source are fetched again.
    made = fetched(known, recorded=HUB.model_copy(update={"revision": "v1"}))
    for _ in range(2):
        (line,) = problems(made)
        assert "q_prj is no linear layer of Small: did you mean `q_proj`?" in line
        shutil.rmtree("results/bases/Small")
        made = fetched(known)
        Path("results/bases/Small/model.safetensors").unlink()
    config = study(**wrong).config.model_copy(update={"bases": made.config.bases})
    check_named_files(Study(config))


# Files of others


SCORES = "table,model,doubled,{0},SA\nT,A,{0},1.4,\nT,B,,{1},1\n"
TEMPLATE = "resources/prompts/chatml.jinja"


def test_scores_and_templates_are_tried_before_anything_runs() -> None:
    no_score = "line 3: PM: {} is no score: write a number"
    cases = [
        (TEMPLATE, "{{ instruction }}", "does not show the input of a record: write {{ input }}"),
        (TEMPLATE, "{{ input.__class__.__mro__ }}", "prints texts, and runs no code"),
        (TEMPLATE, "{{ input }}{{ options.first }}", "has no attribute 'first'"),
        ("study.csv", SCORES.format("PMX", "1"), "line 1: PMX: the column is of no task: did you"),
        ("study.csv", SCORES.format("PM", '"0,9"'), no_score.format("0,9")),
        *(
            ("study.csv", SCORES.format("PM", value), no_score.format(value))
            for value in ("91.2", "nan", "-0.1")
        ),
    ]
    template = Path(TEMPLATE).read_text()
    for file, text, told in cases:
        Path(TEMPLATE).write_text(template)
        Path(file).write_text(text)
        (line,) = problems(study())
        assert line.startswith(f"{file}: ")
        assert told in line


def test_missing_answers_are_told_with_what_to_do() -> None:
    other = {"backend": "recorded", "path": "answers"}
    made = study(models=MODELS | {"Other": other}, tasks=["SA"])
    write_json(Path(f"answers/SA/{IND}.json"), [])
    (line,) = problems(made)
    assert line.startswith("studies.shop.models.Other.path: there is no answers/SA/OOD_Diverse")


def test_records_of_another_name_that_are_not_there_are_refused_although_all_is_finished() -> None:
    settings = {"context": {"data": {"source": "records.jsonl"}}}
    made_from = {"inputs": {}, "code": None, "versions": {}, "settings": settings, "files": {}}
    write_json(Path("results/shop/report.manifest.json"), made_from)
    data = {"source": "path", "path": "recrods.jsonl"}
    made = study(data=data, tasks=["PM"])
    assert problems(made) == ("recrods.jsonl: no such file: fix `data` of the study",)
    for path in (*made.task_files("PM"), made.path("data_check.json")):
        write_json(Path(path), {})
    assert problems(made) == (
        "studies.shop.data: recrods.jsonl: no such file, and the results are of records.jsonl: "
        "name that, or put the file there",
    )
    source_of(study(data=data | {"path": "records.jsonl"}, tasks=["PM"])).check()
    source_of(study(data=LOCAL, tasks=["PM"])).check()
