"""Models are checked against their bases before anything runs: every problem in a line."""

import logging
import shutil
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file
from support.plans import plan
from support.project import RESOURCES

from ecslm.common.errors import InputError
from ecslm.common.files import read_json, write_json
from ecslm.models.bases import HubSource, read_base
from ecslm.plan.data import description_settings
from ecslm.plan.model_checks import ModelChecks
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
    Path("resources").symlink_to(RESOURCES)


def models(**training: Any) -> dict[str, Any]:
    """A tuned model with settings of its own, and one with those of the study."""
    return {"Own-EC": TRAINED | {"training": training}, "Other-EC": TRAINED | {"training": {}}}


def study(**settings: Any) -> Study:
    """A study whose lengths and encoder fit unless `settings` say otherwise."""
    fitting = {
        "training": {"rank": 8},
        "models": models(),
        "bertscore": {"encoder": "Encoder", "layer": 2, "rescale_language": None},
    }
    return plan(**(fitting | settings)).study


def problems(checked: Study) -> tuple[str, ...]:
    with pytest.raises(InputError) as caught:
        ModelChecks(checked).check()
    return caught.value.problems


def fetched(checked: Study, source: HubSource = HUB, recorded: HubSource = HUB) -> Study:
    """The same study, where `Small` is fetched from the hub and is there."""
    folder = Path("results/bases/Small")
    shutil.copytree("models/small", folder)
    manifest = {
        "base": "Small",
        "source": recorded.model_dump(),
        "revision": "c0ffee",
        "folder": ".",
        "files": {path.name: "0" * 64 for path in folder.iterdir()},
    }
    write_json(folder / "manifest.json", manifest)
    bases = checked.config.bases | {"Small": source}
    return replace(checked, config=checked.config.model_copy(update={"bases": bases}))


def test_what_fits_passes_in_silence(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        ModelChecks(study()).check()
        ModelChecks(fetched(study())).check()
    assert caplog.messages == []


def test_all_problems_come_at_once_each_with_its_key() -> None:
    """An inherited setting is told once, where it is."""
    own = models(target_modules=["q_prj", "v_proj"], rank=64)
    found = problems(
        fetched(
            study(
                training={"rank": 8, "target_modules": ["k_prj"]},
                models=own,
                bertscore={"encoder": "Encoder", "layer": 9},  # rescaled, if nothing is said
            )
        )
    )
    assert [line.partition(": ")[0] for line in found] == [
        "studies.shop.models.Own-EC.training.target_modules",
        "studies.shop.models.Own-EC.training.rank",
        "studies.shop.training.target_modules",
        "studies.shop.bertscore.layer",
        "studies.shop.bertscore.rescale_language",
    ]
    assert found[0].endswith("q_prj is no linear layer of Small: did you mean `q_proj`?")
    assert found[1].endswith("which has 32 x 64 weights: at most 32")


@pytest.mark.parametrize(
    ("bertscore", "line"),
    [
        (
            {"layer": 3, "rescale_language": None},
            "studies.shop.bertscore.layer: 3, but Encoder has 2 layers: at most 2",
        ),
        (
            {"layer": 2, "rescale_language": "en"},
            "studies.shop.bertscore.rescale_language: no rescaling baseline for layer 2 of Encoder "
            "in en: set `rescale_language: null`",
        ),
    ],
)
def test_bertscore_needs_the_layer_and_the_baseline(bertscore: dict[str, Any], line: str) -> None:
    assert problems(study(bertscore={"encoder": "Encoder"} | bertscore)) == (line,)
    # Without a generation task nothing needs them.
    ModelChecks(study(bertscore={"encoder": "Encoder"} | bertscore, tasks=["PM"])).check()


def test_the_layer_of_an_encoder_that_is_not_here_is_never_that_of_another() -> None:
    shutil.rmtree("models/encoder")
    bertscore = {"encoder": "Encoder", "rescale_language": None}
    assert problems(study(bertscore=bertscore)) == (
        "studies.shop.bertscore.layer: missing: the default 17 is that of roberta-large: set a "
        "layer of Encoder, such as its last",
    )
    ModelChecks(study(bertscore=bertscore | {"layer": 17})).check()


def set_window(window: int, *, learned: bool) -> None:
    """Give the base another window, with a vector for each position or without."""
    path = Path("models/small/config.json")
    write_json(path, read_json(path) | {"max_position_embeddings": window})
    if learned:
        save_file({"wpe.weight": np.zeros((4, 2))}, "models/small/positions.safetensors")


LENGTHS: dict[str, Any] = {
    "training": {"rank": 8, "max_length": 600},
    "decoding": {"max_new_tokens": 10, "max_length": 500},
    "task_decoding": {"PM": {"max_length": 700}, "AG": {"max_new_tokens": 20}},
}


def keys(lines: Iterable[str]) -> list[str]:
    return sorted({line.removeprefix("warning: ").partition(": ")[0] for line in lines})


def test_records_for_which_a_base_has_no_positions_are_refused(
    caplog: pytest.LogCaptureFixture,
) -> None:
    set_window(499, learned=True)
    found = problems(study(**LENGTHS))
    assert found == (
        "studies.shop.training.max_length: 600, but Small has 499 positions: at most 499",
    )
    set_window(700, learned=True)
    ModelChecks(study(**LENGTHS)).check()
    assert caplog.messages == []


UNTUNED = {"Small": {"base": "Small", "template": "chatml"}}


def test_lengths_beyond_what_a_base_reads_well_are_warned_of_with_their_keys(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Rotary positions have no end; the paper itself goes beyond them."""
    set_window(499, learned=False)
    ModelChecks(study(**LENGTHS)).check()
    own = {"Small": UNTUNED["Small"] | {"decoding": {"max_length": 501}}}
    ModelChecks(study(**LENGTHS | {"models": own})).check()
    ModelChecks(study(**LENGTHS | {"models": UNTUNED})).check()
    assert keys(caplog.messages) == [
        "studies.shop.decoding.max_length",
        "studies.shop.models.Small.decoding.max_length",
        "studies.shop.task_decoding.PM.max_length",
        "studies.shop.training.max_length",
    ]
    cut = "500 tokens, but Small reads at most 499: inputs of longer prompts are cut"
    assert any(cut in line for line in caplog.messages)


def test_a_model_with_anothers_adapter_reads_what_that_was_trained_on() -> None:
    """The data are described with what it reads, too."""
    limited = {**TRAINED, "adapter_of": "Small-EC", "answers": "constrained"}
    tuned = {"Small-EC": TRAINED | {"training": {}}, "Small-EC-constrained": limited}
    lengths = {}
    for name in ("Small", *tuned):
        made = plan(models=UNTUNED | tuned, described_with=name, training={"max_length": 600})
        described = description_settings(made.study, "PM")
        lengths[name] = made.study.trained_length(name), described.adapter_max_length
    assert lengths == {"Small": (None, None), **dict.fromkeys(tuned, (600, 600))}


def test_a_damaged_base_is_told_with_the_way_to_fetch_it_again() -> None:
    checked = fetched(study())
    Path("results/bases/Small/model.safetensors").write_bytes(b"half")
    (line,) = problems(checked)
    assert line.startswith("results/bases/Small/model.safetensors: not a whole safetensors file")
    assert line.endswith(
        "delete results/bases/Small/manifest.json and run `snakemake -- bases` to fetch it again"
    )


@pytest.mark.parametrize("case", ["not fetched", "weights left behind", "another source"])
def test_without_the_files_the_row_of_the_table_tells(case: str) -> None:
    """If there is none, nothing is known, and nothing is refused."""
    wrong = {"models": models(target_modules=["q_prj"])}
    other = HUB.model_copy(update={"revision": "v1"})
    recorded = other if case == "another source" else HUB
    made = fetched(study(**wrong, architectures={"Small": "SmolLM2-135M"}), recorded=recorded)
    if case == "weights left behind":
        Path("results/bases/Small/model.safetensors").unlink()
    if case == "not fetched":
        shutil.rmtree("results")
    (line,) = problems(made)
    assert "q_prj is no linear layer of Small: did you mean `q_proj`?" in line
    unknown = study(**wrong)
    ModelChecks(
        replace(unknown, config=unknown.config.model_copy(update={"bases": made.config.bases}))
    ).check()


def test_a_budget_from_the_memory_of_a_gpu_needs_one() -> None:
    automatic = {"training": {"rank": 8, "batch_tokens": "auto"}}
    ModelChecks(study(device="cuda", **automatic)).check()
    on_cpu = "auto measures the memory of a GPU: set a number for `device: cpu`"
    assert problems(study(device="cpu", **automatic)) == (
        f"studies.shop.training.batch_tokens: {on_cpu}",
    )
    of_one = study(device="cpu", models=models(rank=8, batch_tokens="auto"))
    assert problems(of_one) == (f"studies.shop.models.Own-EC.training.batch_tokens: {on_cpu}",)
