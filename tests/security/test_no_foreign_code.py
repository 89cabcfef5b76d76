"""Weights, data and configurations are never run as code, whatever is in them."""

import ast
import json
import pickle
import shutil
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import pytest
import torch
import yaml
from support.project import ROOT

from ecslm.common.errors import InputError
from ecslm.common.yaml_loader import YAML_LOADER
from ecslm.config.files import read_files
from ecslm.models.bases import PathSource, model_files, read_base
from ecslm.models.fetching import fetch_base
from ecslm.models.loading import load_base_model, load_tokenizer
from ecslm.models.precision import Precision

UNPICKLING = {"pickle", "cPickle", "_pickle", "dill", "cloudpickle", "joblib", "marshal", "shelve"}
RUNNING = {"eval", "exec", "compile", "__import__"}
OWN_CODE = "import pathlib\npathlib.Path({mark!r}).touch()\nclass Own: pass\n"


class Bomb:
    """Touches a file when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> object:
        return Path.touch, (self.mark,)


def sources() -> list[Path]:
    found = [*ROOT.glob("scripts/**/*.py"), *ROOT.glob("benchmarks/*.py")]
    assert len(found) > 300
    return found


def dangers(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Lines that could run what they read."""
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                yield from (
                    (node.lineno, one.name)
                    for one in names
                    if one.name.partition(".")[0] in UNPICKLING
                )
            case ast.ImportFrom(module=str(module)) if module.partition(".")[0] in UNPICKLING:
                yield node.lineno, module
            case ast.Call(func=ast.Name(id=name)) if name in RUNNING:
                yield node.lineno, name
            case ast.Call(func=ast.Attribute(value=ast.Name(id=owner), attr=name)):
                call = f"{owner}.{name}"
                if call in {"os.system", "os.popen", "yaml.unsafe_load", "yaml.full_load"}:
                    yield node.lineno, call
                if call == "yaml.load" and ast.unparse(node).find("Loader=YAML_LOADER") < 0:
                    yield node.lineno, call
                if call in {"torch.load", "numpy.load", "np.load"}:
                    yield node.lineno, call
            case ast.keyword(arg=str(name), value=value):
                allowed = isinstance(value, ast.Constant) and value.value is False
                if name in {"shell", "trust_remote_code", "allow_pickle"} and not allowed:
                    yield value.lineno, name


def test_no_line_of_the_project_could_run_what_it_reads() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line}: {what}"
        for path in sources()
        for line, what in dangers(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert found == []


@pytest.mark.parametrize(
    "line",
    [
        "import pickle",
        "from joblib import load",
        "torch.load(path)",
        "yaml.load(text, Loader=yaml.Loader)",
        "run(command, shell=True)",
        "from_pretrained(folder, trust_remote_code=answer)",
        "eval(text)",
    ],
)
def test_the_search_for_such_lines_finds_them(line: str) -> None:
    assert list(dangers(ast.parse(line)))


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
    with pytest.raises(InputError, match="needs code of its own"):
        fetched(model, tmp_path / "again")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("value", ["!!python/object/apply:os.system ['touch ran']", "!own tag"])
def test_a_configuration_cannot_name_python_objects(value: str, tmp_path: Path) -> None:
    path = tmp_path / "hostile.yaml"
    path.write_text(f"study: {value}\n", encoding="utf-8")
    with pytest.raises(InputError, match="could not determine a constructor"):
        read_files([path])
    assert issubclass(YAML_LOADER, yaml.SafeLoader | yaml.CSafeLoader)
