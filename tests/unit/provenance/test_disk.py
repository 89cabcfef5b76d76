"""Runs that the disk has no room for are refused, and no others."""

import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
import safetensors.torch
from support import tiny
from support.plans import plan
from support.project import RESOURCES

from ecslm.common.errors import InputError
from ecslm.models.bases import HubSource
from ecslm.plan.study import Study
from ecslm.provenance.disk import check_disk

LINEAR = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj", "lm_head")
MODELS = {
    f"Small-{rank}": {
        "base": "Small",
        "template": "chatml",
        "training": {"rank": rank, "target_modules": LINEAR},
    }
    for rank in (4, 8)
}
ADAPTERS = {f"results/shop/adapters/{name}/seed-0/manifest.json" for name in MODELS}
BASE = "results/bases/Small/manifest.json"

Free = Callable[[int], None]


@pytest.fixture(autouse=True)
def project(tmp_path: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A project whose base is there."""
    monkeypatch.chdir(tmp_path)
    Path("models").mkdir()
    Path("models/small").symlink_to(tiny_model)
    Path("resources").symlink_to(RESOURCES)


@pytest.fixture
def free(monkeypatch: pytest.MonkeyPatch) -> Free:
    """Sets the free bytes of all disks."""

    def set_free(count: int) -> None:
        monkeypatch.setattr(shutil, "disk_usage", lambda _path: SimpleNamespace(free=count))

    return set_free


def refused(made: Study, due: set[str]) -> str:
    with pytest.raises(InputError) as caught:
        check_disk(made, due)
    (line,) = caught.value.problems
    return line


def test_adapters_need_their_matrices_and_the_checkpoints_of_the_largest(
    tiny_model: Path, free: Free
) -> None:
    made, vocabulary = plan(models=MODELS), tiny.vocabulary_size(tiny_model)
    small, large = (4 * tiny.trained_weights(vocabulary, rank) for rank in (4, 8))
    needed = small + large + 2 * 3 * large
    free(needed)
    check_disk(made, ADAPTERS)
    free(needed - 1)
    line = refused(made, ADAPTERS)
    assert f"{(needed - 1) / 1000:.0f}kB are free on this disk" in line
    assert f"at least {needed / 1000:.0f}kB" in line


def test_an_exported_model_needs_its_matrices(tiny_model: Path, free: Free) -> None:
    made, due = plan(models=MODELS), {"results/shop/exports/Small-4/manifest.json"}
    weights = safetensors.torch.load_file(tiny_model / "model.safetensors").values()
    matrices = sum(weight.numel() for weight in weights if weight.dim() == 2)
    # With a head of its own, which is as large as the embedding that the base shares.
    head = tiny.HIDDEN * tiny.vocabulary_size(tiny_model)
    free(4 * (matrices + head))
    check_disk(made, due)
    free(4 * (matrices + head) - 1)
    assert "are free on this disk" in refused(made, due)


def test_adapters_that_are_finished_need_nothing(free: Free) -> None:
    free(0)
    check_disk(plan(models=MODELS), {"results/shop/tables/ind.tex"})


def test_of_unknown_bases_nothing_is_known(free: Free) -> None:
    Path("models/small").unlink()
    free(0)
    check_disk(plan(models=MODELS), {*ADAPTERS, BASE})


@pytest.mark.parametrize(("source", "needed"), [("hub", 269_030_016 - 2 * 61 * 576), ("path", 0)])
def test_a_base_needs_room_where_it_is_fetched(source: str, needed: int, free: Free) -> None:
    """The sizes of architectures.csv are those of the table `parameters`, but for the norms."""
    made = plan(models=MODELS, architectures={"Small": "SmolLM2-135M"})
    if source == "hub":
        made.config.bases["Small"] = HubSource(source="hub", id="a/small", revision="main")
    free(needed)
    check_disk(made, {BASE})
    if needed:
        free(needed - 1)
        assert "269MB" in refused(made, {BASE})
