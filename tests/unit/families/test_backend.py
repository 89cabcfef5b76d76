"""The seam: another backend is a module, and nothing else in the prediction step knows of it."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.model_examples import make_record, run_predict, write_records
from support.project import ROOT, SCRIPTS

from ecslm import families
from ecslm.common.errors import InputError
from ecslm.common.files import write_json
from ecslm.common.manifests import manifest_of, read_manifest
from ecslm.families.backend import read_prediction_settings
from ecslm.families.settings import TransformersSettings, module_name
from ecslm.fingerprint.digest import code_of
from ecslm.schemas.prediction import read_predictions

BACKENDS = ROOT / "tests" / "support" / "backends"


@pytest.fixture
def parrot(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The backend in tests/support, as if its module lay beside the others."""
    monkeypatch.setattr(families, "__path__", [*families.__path__, str(BACKENDS)])
    yield
    sys.modules.pop(module_name("parrot"), None)


@pytest.mark.usefixtures("parrot")
def test_another_backend_answers_without_an_edit_elsewhere(tmp_path: Path) -> None:
    """Not even its base has to be a folder of weights."""
    write_json(tmp_path / "base.json", {"server": "https://models.example"})
    settings = read_prediction_settings('{"backend": "parrot"}')
    rows = read_predictions(run_predict(tmp_path, tmp_path / "base.json", None, settings))
    assert [row.id for row in rows] == [make_record(number).id for number in range(7)]
    assert {row.prediction for row in rows} == {"Below is "}
    assert {row.generated_tokens for row in rows} == {9}
    assert all(row.prompt_tokens > 100 for row in rows)
    cost = json.loads((tmp_path / "cost.json").read_text())
    assert (cost["price"], cost["truncated_inputs"]) == (0.75, 0)
    manifest = read_manifest(manifest_of(tmp_path / "predictions.jsonl"))
    assert manifest.settings["backend"] == "parrot"
    assert set(manifest.versions) == {"pydantic"}


SERVER = {"backend": "openai", "server": {"url": "https://models.example/v1", "model": "m"}}


@pytest.mark.parametrize(
    ("settings", "changes", "expected"),
    [
        ({}, {"base": None}, "--base: missing: backend transformers needs it"),
        ({}, {"template": None}, "--template: missing: backend transformers needs it"),
        (SERVER, {"base": None, "access": '{"kye": "A"}'}, "--access: kye: unknown key"),
        ({"backend": "transformer"}, {}, "--settings: backend: unknown 'transformer'"),
    ],
)
def test_options_that_do_not_fit_are_one_line(
    settings: dict[str, Any], changes: dict[str, Any], expected: str, tmp_path: Path
) -> None:
    options = {"base": write_records(tmp_path / "base", 1)} | changes
    with pytest.raises(InputError) as caught:
        own = read_prediction_settings(json.dumps(settings))
        run_predict(tmp_path, settings=own, **options)
    assert caught.value.problems == (expected,)


def test_a_backend_tells_its_libraries_without_loading_them() -> None:
    """The plan asks for them, and bad options are told before seconds go into imports."""
    code = (
        "import sys, ecslm.families.predict\n"
        "from ecslm.families.backend import backend_class\n"
        "for name in ('openai', 'served', 'recorded', 'learned', 'transformers'):\n"
        "    kind = backend_class(name)\n"
        "print(*kind.SETTINGS().libraries_for('an adapter'))\n"
        "heavy = {'torch', 'transformers', 'peft', 'openai', 'sklearn', 'llguidance'}\n"
        "assert not heavy & set(sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=SCRIPTS, capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
    assert {"torch", "transformers", "peft", "bitsandbytes"} <= set(done.stdout.split())


def test_only_libraries_that_can_change_a_prediction_count() -> None:
    always = {"torch", "transformers", "accelerate", "safetensors", "tokenizers", "Jinja2"}
    for precision, tuned, more in (
        ("nf4", False, {"bitsandbytes"}),
        ("none", True, {"peft"}),
        ("none", False, set()),
    ):
        settings = TransformersSettings.model_validate({"precision": {"quantization": precision}})
        assert set(settings.libraries_for(tuned)) == always | more


def test_the_code_of_a_backend_is_that_of_its_module_alone() -> None:
    """The plan adds the module of the model's own backend to the script's code."""
    code, name = code_of(SCRIPTS), module_name("transformers")
    assert not any("transformers" in node.module for node in code.reached("predict.py"))
    found = {node.module for node in code.reached("predict.py", [name])}
    assert {name, "ecslm.families.transformers.generation"} <= found
    others = [module for module in found if "recorded" in module or "openai" in module]
    assert not others, "an edit of another backend reruns no GPU work"
