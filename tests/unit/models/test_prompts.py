"""Prompts: what each template shows of a record, and how bad templates are refused."""

import json
from pathlib import Path

import pytest
from support.model_examples import PROMPTS, TEMPLATES, make_record

from ecslm.common.errors import InputError
from ecslm.common.hashing import sha256_of_text
from ecslm.models.prompts import PromptTemplate

# What templating, escaping or line handling could spoil.
AWKWARD = (
    "  {{ instruction }} {% if x %} {# no comment #}",
    "<b>50 % off &amp; more</b> 'quoted' \"twice\" \\n",
    "tab\there\r\nand\u2028there \u00e9\u6f22 \U0001f600 \n\n",
    "",
)
EXAMPLE = {"input": "socks, grey", "options": '["A: yes", "B: n\u00f6"]', "output": "B: n\u00f6"}


@pytest.fixture(params=TEMPLATES)
def template(request: pytest.FixtureRequest) -> PromptTemplate:
    return PromptTemplate(PROMPTS / f"{request.param}.jinja")


def written(folder: Path, source: str) -> Path:
    path = folder / "bad.jinja"
    path.write_text(source)
    return path


@pytest.mark.parametrize("text", AWKWARD)
def test_instruction_and_input_stand_in_the_prompt_byte_for_byte(
    template: PromptTemplate, text: str
) -> None:
    record = make_record(instruction=f"Do: {text}", input=text)
    prompt = template.render(record, 0)
    assert f"### Instruction:\nDo: {text}\n\n### Input:\n{text}\n\n### " in prompt


def test_options_are_a_json_list_on_a_line(template: PromptTemplate) -> None:
    options = ["A: gr\u00f6\u00dfer", 'B: "quoted" & <b>']
    prompt = template.render(make_record(options=options), 0)
    line = prompt.split("### Options:\n")[1].split("\n")[0]
    assert json.loads(line) == options
    assert "gr\u00f6\u00dfer" in line


def test_a_record_without_options_has_no_options_block(template: PromptTemplate) -> None:
    assert "Options" not in template.render(make_record(options=None), 0)


def test_without_shots_the_example_is_not_shown(template: PromptTemplate) -> None:
    record = make_record(few_shot_example=json.dumps(EXAMPLE))
    assert template.render(record, 0) == template.render(make_record(), 0)


def test_one_shot_shows_the_example_before_the_input(template: PromptTemplate) -> None:
    record = make_record(few_shot_example=json.dumps(EXAMPLE))
    plain, prompt = template.render(record, 0), template.render(record, 1)
    start = prompt.index("### Example input:")
    shown = (
        "### Example input:\nsocks, grey\n\n"
        '### Example options:\n["A: yes", "B: n\u00f6"]\n\n'
        "### Example response:\nB: n\u00f6\n\n"
    )
    assert prompt == plain[:start] + shown + plain[start:]
    assert plain[start:].startswith("### Input:")


def test_an_example_without_options_has_no_options_block(template: PromptTemplate) -> None:
    for nothing in ({}, {"options": None}, {"options": "None"}, {"options": ""}):
        example = {"input": "a", "output": "b"} | nothing
        prompt = template.render(make_record(few_shot_example=json.dumps(example)), 1)
        assert "Example options" not in prompt


def test_one_shot_needs_an_example(template: PromptTemplate) -> None:
    with pytest.raises(InputError, match=r"record r3 .* has no few_shot_example"):
        template.render(make_record(3), 1)


def test_the_prompt_ends_where_the_answer_begins(template: PromptTemplate) -> None:
    end = {
        "alpaca": "### Response:\n",
        "chatml": "<|im_end|>\n<|im_start|>assistant\n",
        "llama3": "<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n",
    }
    assert template.render(make_record(), 0).endswith(end[template.path.stem])


def test_no_template_says_todays_date(template: PromptTemplate) -> None:
    assert "Today" not in template.render(make_record(), 0)
    assert "strftime" not in template.path.read_text()


def test_an_undefined_name_is_an_error_that_names_the_file(tmp_path: Path) -> None:
    template = PromptTemplate(written(tmp_path, "{{ instruction }} {{ inptu }}"))
    with pytest.raises(InputError, match=r"bad\.jinja: 'inptu' is undefined"):
        template.render(make_record(), 0)


def test_an_undefined_field_of_the_example_is_an_error(tmp_path: Path) -> None:
    template = PromptTemplate(written(tmp_path, "{{ example.answer }}"))
    record = make_record(few_shot_example=json.dumps(EXAMPLE))
    with pytest.raises(InputError, match=r"bad\.jinja: .*answer"):
        template.render(record, 1)


def test_a_syntax_error_names_file_and_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"bad\.jinja: line 2: "):
        PromptTemplate(written(tmp_path, "Good.\n{% if %}"))


def test_a_missing_template_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.jinja: no such file"):
        PromptTemplate(tmp_path / "none.jinja")


def test_the_digest_is_that_of_the_source(template: PromptTemplate) -> None:
    assert template.sha256 == sha256_of_text(template.path.read_text(encoding="utf-8"))
