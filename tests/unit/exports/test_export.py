"""Exported models: folders that load alone and equal the base with the adapter."""

import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from support.model_examples import (
    EXACT,
    PROMPTS,
    QUANTISED,
    make_record,
    prediction_settings,
    write_records,
)
from support.project import REPORT
from transformers import AutoModelForCausalLM, AutoTokenizer

from ecslm.common.errors import InputError
from ecslm.common.files import read_json, write_json
from ecslm.exports import run as export_run
from ecslm.exports.run import chat_template, export_model, write_folder
from ecslm.exports.settings import ExportSettings
from ecslm.families.backend import AskedModel
from ecslm.families.transformers import generation
from ecslm.models.prompts import PromptTemplate

WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
# Blanks that other programs drop: before and after statements, and at the end.
BLANKS = """{# None. #}
  {% if options %}
"Größe" \\ {{ options | json }}
  {% for one in options %}
    - {{ one }}
  {% endfor %}
  {% endif %}
{% raw %}{{ 'input' }}{% endraw %}
{{- instruction }}: {{ input }}

"""


def settings(precision: dict[str, str] = EXACT, **decoding: Any) -> ExportSettings:
    """Two tasks, of which AG may have longer answers."""
    tasks = {
        task: prediction_settings(precision, {"max_new_tokens": longest} | decoding)
        for task, longest in (("AG", 30), ("PM", 8))
    }
    return ExportSettings(tasks=tasks, records=3)


def export(folder: Path, base: Path, adapter: Path, chosen: ExportSettings | None = None) -> Path:
    """Export into `folder`/model, which is returned."""
    chosen = chosen or settings()
    asked = AskedModel(
        model="Tiny-EC", base=base, adapter=adapter, template=PROMPTS / "alpaca.jinja", threads=1
    )
    files = {
        task: write_records(folder / f"{task}.jsonl", 7, task=task, split="test")
        for task in chosen.tasks
    }
    export_model(asked, files, chosen, 300, folder / "model/manifest.json", None)
    return folder / "model"


@pytest.fixture(scope="module")
def exported(
    tiny_base: Path, exact_adapter: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A model in float32, exported."""
    return export(tmp_path_factory.mktemp("export"), tiny_base, exact_adapter)


@pytest.fixture(scope="module")
def plain(exported: Path) -> Any:
    """The exported model as anybody would load it."""
    return AutoModelForCausalLM.from_pretrained(exported, dtype="auto")


def prompt(number: int = 0) -> str:
    return PromptTemplate(PROMPTS / "alpaca.jinja").render(make_record(number), 0)


def test_a_quantised_base_is_exported_as_plain_weights_and_how_it_samples_is_in_their_defaults(
    tmp_path: Path, tiny_base: Path, quantised_adapter: Path
) -> None:
    chosen = settings(QUANTISED, sample=True, temperature=0.5, top_p=0.9)
    folder = export(tmp_path, tiny_base, quantised_adapter, chosen)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype="auto")
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}
    assert "quantization" not in (folder / "config.json").read_text()
    expected = {"do_sample": True, "temperature": 0.5, "top_p": 0.9, "max_new_tokens": 30}
    assert expected.items() <= read_json(folder / "generation_config.json").items()
    # Sampled with the same numbers.
    for one in read_json(folder / "equality.json")["answers"]:
        assert one["adapter"] == one["exported"]


def test_greedy_generation_of_transformers_gives_the_answers_of_the_study_which_are_those_of_both(
    exported: Path, plain: Any, tokenizer: Any
) -> None:
    report = read_json(exported / "equality.json")
    answers, logits = report["answers"], report["logits"]
    assert [(one["task"], one["id"]) for one in answers] == [
        (task, name) for task in ("AG", "PM") for name in ("r0", "r2", "r4")
    ]
    assert logits["prompts"] == len(answers)
    assert 0 < logits["largest_difference"] < logits["tolerance"] * logits["largest"]
    assert logits["tolerance"] == 1e-4
    made, names = read_json(exported / "manifest.json"), {one.name for one in exported.iterdir()}
    assert set(made["files"]) == names - {"manifest.json", "cost.json"}
    assert (made["model"], made["seed"]) == ("Tiny-EC", 0)
    assert not any("lora" in name for name, _ in plain.named_parameters())
    assert report["parameters"] > report["trained_parameters"] > 0
    assert report["example_prompt"] == prompt()
    template = PromptTemplate(exported / "prompt.jinja")
    for answer in answers:
        assert answer["adapter"] == answer["exported"]
        text = template.render(make_record(int(answer["id"][1:])), 0)
        tokens = tokenizer(text, add_special_tokens=False, return_tensors="pt")
        limit = settings().tasks[answer["task"]].decoding.max_new_tokens
        whole = plain.generate(**tokens, max_new_tokens=limit)[0]
        generated = whole[tokens["input_ids"].shape[1] :]
        decoded = tokenizer.decode(generated, skip_special_tokens=True)
        assert decoded == answer["exported"]["text"]


def test_the_code_on_the_card_runs_in_the_folder(
    exported: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    card = (REPORT / "model_card.md.jinja").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", card, re.DOTALL)
    monkeypatch.chdir(exported)
    capsys.readouterr()
    exec(code.replace('"..."', '"Answer yes or no."'), {})
    assert capsys.readouterr().out.strip()


@pytest.fixture(scope="module")
def tokenizer(exported: Path) -> Any:
    """That of the exported model."""
    return AutoTokenizer.from_pretrained(exported)


@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@pytest.mark.parametrize("name", [*(one.name for one in PROMPTS.glob("*.jinja")), "blanks.jinja"])
@given(instruction=WORDS, text=WORDS, options=st.none() | st.lists(WORDS, min_size=1))
@example(instruction="Name it.", text="", options=None)
def test_the_chat_template_makes_the_prompts_of_the_study(
    tokenizer: Any, tmp_path: Path, name: str, instruction: str, text: str, options: Any
) -> None:
    template = PROMPTS / name if (PROMPTS / name).is_file() else tmp_path / name
    if template.parent == tmp_path:
        template.write_text(BLANKS, encoding="utf-8")
    record = make_record(instruction=instruction, input=text, options=options)
    made = chat_template(template.read_text(encoding="utf-8"))
    assert (tokenizer.chat_template == made) == (name == "alpaca.jinja")
    more = {"chat_template": made, "tokenize": False}
    more |= {} if options is None else {"options": options}
    earlier = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello."}]
    user = {"role": "user", "content": text}
    chats = [[{"role": "system", "content": instruction}, *earlier, user]]
    chats += [] if text else [[{"role": "user", "content": instruction}]]
    for chat in chats:
        expected = PromptTemplate(template).render(record, 0)
        assert tokenizer.apply_chat_template(chat, **more) == expected


def test_no_chat_template_of_the_base_is_left(tmp_path: Path, tiny_model: Path) -> None:
    base = Path(shutil.copytree(tiny_model, tmp_path / "base"))
    config = base / "tokenizer_config.json"
    write_json(config, read_json(config) | {"chat_template": "{{ messages[0]['content'] }}!"})
    model, prompt = AutoModelForCausalLM.from_pretrained(base), PROMPTS / "alpaca.jinja"
    decodings = [one.decoding for one in settings().tasks.values()]
    write_folder(model, base, prompt, decodings, folder := tmp_path / "made")
    assert AutoTokenizer.from_pretrained(folder).chat_template == chat_template(prompt.read_text())
    assert "chat_template" not in read_json(folder / config.name)
    assert (folder / "tokenizer.json").read_bytes() == (base / "tokenizer.json").read_bytes()


def stop(*_: object) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("module", "name", "error", "words"),
    [
        (generation, "untie_head", InputError, "not equal to the base with the adapter"),
        (export_run, "_next_logits", KeyboardInterrupt, ""),
    ],
)
def test_a_model_that_is_not_equal_or_not_finished_leaves_nothing(
    module: Any,
    name: str,
    error: type[BaseException],
    words: str,
    tmp_path: Path,
    tiny_base: Path,
    exact_adapter: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, name, (lambda _: None) if words else stop)
    with pytest.raises(error, match=words):
        export(tmp_path, tiny_base, exact_adapter)
    assert list((tmp_path / "model").iterdir()) == []
