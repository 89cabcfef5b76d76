"""Building prompts: the only place, for both training and prediction."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import jinja2

from ecslm.common.errors import InputError
from ecslm.common.files import read_text
from ecslm.common.hashing import sha256_of_text
from ecslm.schemas.fields import parse_options
from ecslm.schemas.record import Record


class Tokenizer(Protocol):
    """The part of a fast `transformers` tokenizer that this module uses."""

    def __call__(self, text: str, **options: Any) -> Any: ...


@dataclass(frozen=True)
class EncodedPrompt:
    """A prompt as text and as token ids; `truncated`: its input was cut to fit."""

    text: str
    tokens: list[int]
    truncated: bool


class PromptTemplate:
    """A Jinja template of a whole prompt, including turn markers.

    Its variables are `instruction`, `input`, `options` (a list or None) and `example` (None, or a
    mapping with `input`, `options`, `output`). Undefined variables are errors, not blanks.
    """

    def __init__(self, path: Path) -> None:
        source = read_text(path)
        environment = jinja2.Environment(
            undefined=jinja2.StrictUndefined, keep_trailing_newline=True, autoescape=False
        )
        environment.filters["json"] = lambda value: json.dumps(value, ensure_ascii=False)
        self.path = path
        self.sha256 = sha256_of_text(source)
        try:
            self._template = environment.from_string(source)
        except jinja2.TemplateSyntaxError as error:
            raise InputError(f"{path}: line {error.lineno}: {error.message}") from None

    def render(self, record: Record, shots: int, text: str | None = None) -> str:
        """The prompt of a record; `text` replaces its input if that had to be cut.

        Raises:
            InputError: `shots` is 1 but the record has no example, or the template uses an
                undefined variable.
        """
        try:
            return self._template.render(
                instruction=record.instruction,
                input=record.input if text is None else text,
                options=record.options,
                example=_example(record) if shots else None,
            )
        except jinja2.UndefinedError as error:
            raise InputError(f"{self.path}: {error.message}") from None


def encode_prompt(
    record: Record, template: PromptTemplate, shots: int, tokenizer: Tokenizer, room: int
) -> EncodedPrompt:
    """Render and tokenise a prompt, cutting the end of its input so that `room` tokens suffice.

    Only the input is cut, never the instruction, the options or the turn markers.

    Raises:
        InputError: the prompt does not fit even with an empty input.
    """
    text = record.input
    kept = len(text)
    while True:
        prompt = template.render(record, shots, text[:kept])
        tokens = tokenizer(prompt, add_special_tokens=False)["input_ids"]
        excess = len(tokens) - room
        if excess <= 0:
            return EncodedPrompt(prompt, tokens, truncated=kept < len(text))
        if kept == 0:
            raise InputError(
                f"record {record.id}: the prompt has {len(tokens)} tokens without its input, "
                f"but at most {room} fit: raise `max_length`"
            )
        # Cut where the last `excess` tokens of the input begin; tokens may merge differently
        # afterwards, hence the loop.
        offsets = tokenizer(text[:kept], add_special_tokens=False, return_offsets_mapping=True)
        starts = [start for start, _ in offsets["offset_mapping"]]
        kept = min(starts[-excess], kept - 1) if excess < len(starts) else 0


def _example(record: Record) -> dict[str, Any]:
    if record.few_shot_example is None:
        raise InputError(
            f"record {record.id} ({record.setting}) has no few_shot_example: `shots: 1` needs "
            "the 1-shot settings"
        )
    example = json.loads(record.few_shot_example)
    return {
        "input": example["input"],
        "options": parse_options(example.get("options")),
        "output": example["output"],
    }
