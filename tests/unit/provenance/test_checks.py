"""Runs that could not finish here are refused before anything starts, and no others."""

import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
import safetensors.torch
from support import tiny
from support.local_server import KEY, VARIABLE
from support.machine import Gpu, install
from support.plans import MODELS, plan
from support.stated_jobs import all_jobs_of

from ecslm.common.errors import InputError
from ecslm.common.locks import DEVICES_VARIABLE
from ecslm.families.openai.backend import Answer, AnswerCache
from ecslm.families.openai.settings import ServerSettings
from ecslm.models.bases import HubSource
from ecslm.plan.study import Study
from ecslm.provenance.checks import check_api_keys, check_disk, check_gpus
from ecslm.provenance.dag import Job


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with three GPUs."""
    monkeypatch.delenv(DEVICES_VARIABLE, raising=False)
    install([Gpu(f"GPU-{letter}") for letter in "abc"], monkeypatch.setattr)


def problems(check: Callable[[], object]) -> tuple[str, ...]:
    try:
        check()
    except InputError as error:
        return error.problems
    return ()


# Disks


LINEAR = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj", "lm_head")
TUNED = {
    f"Small-{rank}": MODELS["Small"] | {"training": {"rank": rank, "target_modules": LINEAR}}
    for rank in (4, 8)
}


def needed_for(made: Study, rule: str, *names: str) -> int:
    """The bytes that jobs of models or bases need: so many are enough, one less is not."""
    jobs = [Job(rule, {"model": name, "base": name}, {}, "manifest.json") for name in names]
    with pytest.MonkeyPatch.context() as patch:
        for less in (0, 1):
            patch.setattr(shutil, "disk_usage", lambda _, free=10**15: SimpleNamespace(free=free))
            needed, _ = check_disk(made, jobs)
            free = SimpleNamespace(free=needed - less)
            patch.setattr(shutil, "disk_usage", lambda _, free=free: free)
            assert len(problems(lambda: check_disk(made, jobs))) == less
    return needed


def test_adapters_and_exported_weights_need_room_for_their_matrices(tiny_model: Path) -> None:
    Path("models").mkdir()
    Path("models/small").symlink_to(tiny_model)
    made = plan(models=TUNED)
    small, large = (4 * tiny.trained_weights(tiny_model, rank) for rank in (4, 8))
    assert needed_for(made, "train_adapter", *TUNED) == small + large
    weights = safetensors.torch.load_file(tiny_model / "model.safetensors").values()
    matrices = sum(weight.numel() for weight in weights if weight.dim() == 2)
    assert needed_for(made, "export_model", "Small-4") == 4 * matrices


def test_a_base_needs_room_where_it_is_fetched() -> None:
    """The sizes of architectures.csv are those of the table `parameters`, but for the norms."""
    made = plan(models=TUNED, architectures={"Small": "SmolLM2-135M"})
    of_base = [Job("base_model", {"base": "Small"}, {}, "manifest.json")]
    assert check_disk(made, of_base)[0] == 0
    made.config.bases["Small"] = HubSource(source="hub", id="a/small", revision="main")
    assert needed_for(made, "base_model", "Small") == 269_030_016 - 2 * 61 * 576


# GPUs


ONE, TWO, NONE, ON_CPU = (1, "cuda"), (2, "cuda"), (0, "cuda"), (1, "cpu")


@pytest.mark.parametrize(
    ("needs", "limit", "visible", "words"),
    [
        ([ONE, NONE, ONE], 0, "", "gpu=0: a job of this run takes 1"),
        ([ON_CPU, ONE, NONE], None, "", "--resources without gpu: jobs of"),
        ([ONE, TWO], 1, "", "gpu=1: a job of this run takes 2"),
        ([TWO, ONE], 2, "1", "gpus: 2 are asked for"),
        ([ONE, TWO], 3, None, None),
        ([NONE], 0, None, None),
    ],
)
def test_a_run_for_which_gpus_are_lacking_is_refused_and_no_other(
    needs: list[tuple[int, str]],
    limit: int | None,
    visible: str | None,
    words: str | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if visible is not None:
        monkeypatch.setenv(DEVICES_VARIABLE, visible)
    found = problems(lambda: check_gpus(needs, limit, here=True))
    assert len(found) == (words is not None)
    assert words is None or words in found[0]
    # Those of other machines are not counted here.
    check_gpus([(8, "cuda")], 9, here=False)


# Servers


def test_a_key_that_is_needed_and_not_set_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    server = {"url": "https://models.example/v1", "model": "large-1"}
    large = {"backend": "openai", "server": server, "template": "alpaca"}

    def told(*models: str, **access: str) -> tuple[str, ...]:
        made = plan(models=MODELS | {"Large": large | {"access": access}})
        jobs = [one for one in all_jobs_of(made) if one.rule == "predict"]
        due = [one for one in jobs if one.key["model"] in models]
        return problems(lambda: check_api_keys(made, due))

    monkeypatch.setenv(VARIABLE, " \n")
    assert told("Large", "Small", key=VARIABLE) == (
        f"the environment variable {VARIABLE} is not set, but needed to ask Large: set it to the "
        "key, or remove `key` from `access` if the server needs none",
    )
    assert not told("Small", key=VARIABLE)
    assert not told("Large")
    # All answers may be kept: only the job knows.
    cache = AnswerCache(ServerSettings(**server))
    cache.add("0" * 64, Answer(text="yes", finish_reason="stop", prompt_tokens=1, tokens=1))
    assert not told("Large", key=VARIABLE)
    shutil.rmtree(cache.path.parent)
    monkeypatch.setenv(VARIABLE, KEY)
    assert not told("Large", key=VARIABLE)
