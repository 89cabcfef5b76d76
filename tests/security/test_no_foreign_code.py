"""Weights, data and configurations are never run as code, whatever is in them.

That no line of the library could do so, the lint of test_project_code.py shows.
"""

import json
import pickle
import shutil
from contextlib import nullcontext
from pathlib import Path

import pytest
import torch

from ecslm.common.errors import InputError
from ecslm.config.files import read_files
from ecslm.models.bases import PathSource, model_files, read_base
from ecslm.models.fetching import fetch_base
from ecslm.models.loading import load_base_model, load_tokenizer
from ecslm.models.precision import Precision

OWN_CODE = "import pathlib\npathlib.Path({mark!r}).touch()\nclass Own: pass\n"


class Bomb:
    """Touches a file when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> object:
        return Path.touch, (self.mark,)


@pytest.fixture
def model(tiny_model: Path, tmp_path: Path) -> Path:
    """A model folder of this test's own."""
    return shutil.copytree(tiny_model, tmp_path / "model")


def fetched(model: Path, folder: Path) -> Path:
    manifest = folder / "bases/tiny/manifest.json"
    fetch_base("tiny", PathSource(source="path", path=str(model)), manifest)
    return read_base(manifest)[1]


def loaded(folder: Path) -> None:
    load_tokenizer(folder)
    load_base_model(folder, Precision(dtype="float32", quantization="none"), torch.device("cpu"))


def plant_bombs(folder: Path, mark: Path) -> None:
    """Pickles under all names that libraries look for."""
    for name in ("pytorch_model.bin", "adapter_model.bin", "training_args.bin", "model.pt"):
        (folder / name).write_bytes(pickle.dumps(Bomb(mark)))


@pytest.mark.parametrize("weights", ["model.safetensors", "other.safetensors", None])
def test_pickles_are_not_opened_beside_weights_under_their_name_or_in_their_place(
    weights: str | None, model: Path, tmp_path: Path
) -> None:
    plant_bombs(model, tmp_path / "ran")
    if weights is None:
        (model / "model.safetensors").write_bytes(pickle.dumps(Bomb(tmp_path / "ran")))
    else:
        (model / "model.safetensors").rename(model / weights)
    sound = (
        nullcontext()
        if weights == "model.safetensors"
        else pytest.raises(InputError, match="no loadable weights")
    )
    with sound:
        folder = fetched(model, tmp_path)
        assert not [path for path in model_files(folder) if path.suffix in (".bin", ".pt")]
        loaded(folder)
    assert not (tmp_path / "ran").exists()


def edit(path: Path, **changes: object) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | changes), encoding="utf-8")


def test_a_model_of_a_known_class_is_loaded_without_the_code_that_it_names_and_others_are_not(
    model: Path, tmp_path: Path
) -> None:
    (model / "own.py").write_text(OWN_CODE.format(mark=str(tmp_path / "ran")), encoding="utf-8")
    classes = {"AutoConfig": "own.Own", "AutoModelForCausalLM": "own.Own"}
    edit(model / "config.json", auto_map=classes)
    edit(model / "tokenizer_config.json", auto_map={"AutoTokenizer": [None, "own.Own"]})
    loaded(fetched(model, tmp_path))
    edit(model / "config.json", model_type="own-kind", architectures=["Own"])
    again = fetched(model, tmp_path / "again")
    precision = Precision(dtype="float32", quantization="none")
    with pytest.raises(InputError, match="no loadable weights"):
        load_base_model(again, precision, torch.device("cpu"))
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("value", ["!!python/object/apply:os.system ['touch ran']", "!own tag"])
def test_a_configuration_cannot_name_python_objects(value: str, tmp_path: Path) -> None:
    path = tmp_path / "hostile.yaml"
    path.write_text(f"study: {value}\n", encoding="utf-8")
    with pytest.raises(InputError, match="could not determine a constructor"):
        read_files([path])
