"""Prompt templates print texts: one that came with a stranger's study runs no code."""

from pathlib import Path

import pytest

from ecslm.common.errors import InputError
from ecslm.models.prompts import PromptTemplate
from ecslm.schemas.record import Record

RECORD = Record(
    **{"id": "1", "sample_id": "1", "task": "PM", "split": "test", "setting": "IND"},
    **{"instruction": "Same?", "input": "a", "options": ["A: a"]},
    **{"output": "yes", "few_shot_example": None, "relevance": None},
)
ATTACKS = (
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ options|attr('__class__') }}",
    "{{ options['__cla' ~ 'ss__'] }}",
    "{{ [options]|map(attribute='__class__')|join }}",
    "{{ '{0.__class__}'.format(input) }}",
    "{{ cycler.__init__.__globals__.os.popen('touch ran').read() }}",
    "{{ (lipsum|attr('__globals__'))['os'].system('touch ran') }}",
    "{% for _ in range(1000000000) %}{% endfor %}",
    "{{ 'x' * 10000000000 }}",
    "{{ 9 ** 99999999 }}",
    "{{ 1 / 0 }}",
    "{{ '{}'.format() }}",
    "{{ options.append('B: b') }}",
    "{% include '/etc/passwd' %}",
)


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.usefixtures("empty_folder")
def test_a_template_that_reaches_for_python_is_refused_in_one_line(attack: str) -> None:
    Path("prompt.jinja").write_text(attack, encoding="utf-8")
    with pytest.raises(InputError) as caught:
        PromptTemplate(Path("prompt.jinja")).render(RECORD, shots=0)
    (line,) = caught.value.problems
    assert line.startswith("prompt.jinja: ") and "\n" not in line
    assert not Path("ran").exists()
