"""Prompt templates print texts: one that came with a stranger's study runs no code."""

from pathlib import Path

import pytest

from ecslm.common.errors import InputError
from ecslm.models.prompts import PromptTemplate
from ecslm.schemas.record import Record

RECORD = Record(
    **{"id": "1", "sample_id": "1", "task": "PM", "split": "test", "setting": "IND"},
    **{"instruction": "Say {{ input.__class__ }}", "input": "{{ 7 * 7 }}", "options": ["A: a"]},
    **{"output": "yes", "few_shot_example": None, "relevance": None},
)
ATTACKS = (
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ instruction.__init__.__globals__ }}",
    "{{ options|attr('__class__') }}",
    "{{ options['__cla' ~ 'ss__'] }}",
    "{{ [options]|map(attribute='__class__')|join }}",
    "{{ '{0.__class__}'.format(input) }}",
    "{{ cycler.__init__.__globals__.os.popen('touch ran').read() }}",
    "{{ namespace.__init__.__globals__ }}",
    "{{ (lipsum|attr('__globals__'))['os'].system('touch ran') }}",
    "{% for _ in range(1000000000) %}{% endfor %}",
    "{{ 'x' * 10000000000 }}",
    "{{ 9 ** 99999999 }}",
    "{{ 1 / 0 }}",
    "{{ '{}'.format() }}",
    "{{ options.append('B: b') }}",
)


def rendered(folder: Path, source: str) -> str:
    path = folder / "prompt.jinja"
    path.write_text(source, encoding="utf-8")
    return PromptTemplate(path).render(RECORD, shots=0)


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_template_that_reaches_for_python_is_refused_in_one_line(
    attack: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError) as caught:
        rendered(tmp_path, attack)
    (line,) = caught.value.problems
    assert line.startswith(f"{tmp_path / 'prompt.jinja'}: ") and "\n" not in line
    assert not Path("ran").exists()


@pytest.mark.parametrize("load", ["include '/etc/passwd'", "import '/etc/passwd' as x"])
def test_a_template_reads_no_file(load: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot load others"):
        rendered(tmp_path, f"{{% {load} %}}")


def test_texts_of_records_are_no_templates(tmp_path: Path) -> None:
    text = rendered(tmp_path, "{{ instruction }} {{ input }} {{ options | json }}")
    assert text == 'Say {{ input.__class__ }} {{ 7 * 7 }} ["A: a"]'
