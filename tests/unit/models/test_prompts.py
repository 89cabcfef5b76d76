"""Prompts: what each template shows of a record, and how bad templates are refused."""

import json
from itertools import chain, pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.model_examples import PROMPTS, TEMPLATES, make_record

from ecslm.common.errors import InputError
from ecslm.models.prompts import PromptTemplate, batches_by_length, require_markers, template_digest

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
def test_instruction_input_and_options_stand_in_the_prompt_as_they_are(
    template: PromptTemplate, text: str
) -> None:
    options = ["A: gr\u00f6\u00dfer", 'B: "quoted" & <b>']
    prompt = template.render(make_record(instruction=f"Do: {text}", input=text, options=options), 0)
    assert f"### Instruction:\nDo: {text}\n\n### Input:\n{text}\n\n### Options:\n" in prompt
    listed = json.dumps(options, ensure_ascii=False)
    assert f"### Options:\n{listed}\n" in prompt


def test_one_shot_shows_the_example_before_the_input_and_needs_one(
    template: PromptTemplate,
) -> None:
    record = make_record(few_shot_example=json.dumps(EXAMPLE), options=None)
    plain, prompt = template.render(record, 0), template.render(record, 1)
    assert "Options" not in plain
    assert plain == template.render(make_record(options=None), 0)
    start = prompt.index("### Example input:")
    shown = (
        "### Example input:\nsocks, grey\n\n"
        '### Example options:\n["A: yes", "B: n\u00f6"]\n\n'
        "### Example response:\nB: n\u00f6\n\n"
    )
    assert prompt == plain[:start] + shown + plain[start:]
    assert plain[start:].startswith("### Input:")
    for nothing in ({}, {"options": None}, {"options": "None"}, {"options": ""}):
        example = json.dumps({"input": "a", "output": "b"} | nothing)
        assert "Example options" not in template.render(make_record(few_shot_example=example), 1)
    with pytest.raises(InputError, match=r"record r3 .* has no few_shot_example"):
        template.render(make_record(3), 1)


ENDS = {
    "alpaca": "### Response:\n",
    "chatml": "<|im_end|>\n<|im_start|>assistant\n",
    "llama3": "<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n",
    **dict.fromkeys(("llama2", "mistral"), "### Response: [/INST]"),
}


def test_the_prompt_ends_where_the_answer_begins() -> None:
    for name, text in ENDS.items():
        template = PromptTemplate(PROMPTS / f"{name}.jinja")
        assert template.render(make_record(), 0).endswith(text)


@pytest.mark.parametrize("shots", [0, 1])
def test_ecomgpt_reads_the_text_before_what_to_do_with_it(shots: int) -> None:
    template = PromptTemplate(PROMPTS / "ecomgpt.jinja")
    record = make_record(
        input="red socks", options=["yes", "no"], few_shot_example=json.dumps(EXAMPLE)
    )
    prompt = template.render(record, shots)
    end = f"\nred socks\n{record.instruction}\nChoices: yes, no\n### Response:"
    assert prompt.endswith(end)
    example = (
        "\nExample: socks, grey\nExample choices: A: yes, B: n\u00f6\nExample response: B: n\u00f6"
    )
    assert (example + end in prompt) == bool(shots)
    assert "Choices" not in template.render(make_record(options=None), 0)


def test_a_template_names_the_markers_in_its_own_text(tmp_path: Path) -> None:
    source = "<s><|turn|>{{ input }}<|end|>\n{{ '<|answer|>' }}<|turn|> <b> < | x | > {# </s> #}"
    template = PromptTemplate(written(tmp_path, source))
    assert sorted(template.markers) == ["<s>", "<|answer|>", "<|end|>", "<|turn|>"]
    assert PromptTemplate(written(tmp_path, "{{ input }}")).markers == ()


def test_a_tokenizer_without_a_templates_markers_is_refused(tiny_model: Path) -> None:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(tiny_model)
    require_markers(PromptTemplate(PROMPTS / "chatml.jinja"), tokenizer, "Tiny")
    with pytest.raises(InputError) as caught:
        require_markers(PromptTemplate(PROMPTS / "llama3.jinja"), tokenizer, "Tiny")
    (line,) = caught.value.problems
    assert line.endswith(
        "llama3.jinja: <|begin_of_text|>, <|start_header_id|>, <|end_header_id|>, <|eot_id|>: no "
        "token of Tiny, which would read it as text: choose the `template` of its family"
    )


def test_a_template_that_changed_since_it_was_planned_is_refused(tmp_path: Path) -> None:
    planned = template_digest(written(tmp_path, "{{ input }}"))
    renamed = written(tmp_path, "{{ input }}").rename(tmp_path / "other.jinja")
    assert PromptTemplate(renamed, planned)
    with pytest.raises(InputError, match=r"bad\.jinja: has changed since this job was planned"):
        PromptTemplate(written(tmp_path, "{{ instruction }}"), planned)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("Good.\n{% if %}", "line 2: "),
        ("{% if no %}{{ inptu }}{% endif %}", "'inptu' is undefined: did you mean `input`"),
    ],
)
def test_what_is_wrong_with_a_template_names_file_and_line(
    text: str, told: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=rf"bad\.jinja: {told}"):
        PromptTemplate(written(tmp_path, text))


@given(st.lists(st.integers(1, 500), max_size=60), st.integers(1, 2000))
def test_each_index_is_in_one_batch_the_longest_first_and_batches_keep_to_the_budget(
    lengths: list[int], budget: int
) -> None:
    batches = batches_by_length(range(len(lengths)), lengths, budget)
    # Ties keep their order.
    order = sorted(range(len(lengths)), key=lambda index: -lengths[index])
    assert list(chain.from_iterable(batches)) == order
    for batch in batches:
        assert len(batch) == 1 or len(batch) * lengths[batch[0]] <= budget
    for batch, following in pairwise(batches):
        assert lengths[batch[0]] * (len(batch) + 1) > budget, following
