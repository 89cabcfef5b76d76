"""Building prompts, and batches of texts by their length: the only place, for both training and
prediction."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import takewhile
from pathlib import Path
from typing import Any

import jinja2
from jinja2 import meta, nodes
from jinja2.exceptions import SecurityError
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment

from ecslm.common.errors import InputError
from ecslm.common.files import read_text
from ecslm.common.hashing import sha256_of_text
from ecslm.common.text import nearest
from ecslm.schemas.fields import parse_options
from ecslm.schemas.record import Record


@dataclass(frozen=True)
class EncodedPrompt:
    """A prompt as text and as token ids; `truncated`: its input was cut to fit."""

    text: str
    tokens: list[int]
    truncated: bool


# Texts that a tokenizer must know as tokens of their own: those of turns and of the beginning.
MARKER = re.compile(r"<\|[^|<>\s]+\|>|</?s>")

VARIABLES = ("instruction", "input", "options", "example")


class PromptTemplate:
    """A Jinja template of a whole prompt, including turn markers.

    Its variables are `instruction`, `input`, `options` (a list or None) and `example` (None, or a
    mapping with `input`, `options`, `output`). Undefined variables are errors, not blanks.
    """

    def __init__(self, path: Path, digest: str | None = None) -> None:
        """Read a template.

        Args:
            digest: what `template_digest` was when the job was planned.

        Raises:
            InputError: the file is missing, is not a template, uses an unknown variable or loads
                another template, or its content is not that of `digest`.
        """
        source = read_text(path)
        self.path = path
        self.sha256 = sha256_of_text(source)
        self._template, self.markers = _parsed(path, source)
        if digest is not None and digest != as_parameter(self.sha256):
            raise InputError(f"{path}: has changed since this job was planned: run again")

    def render(self, record: Record, shots: int, text: str | None = None) -> str:
        """The prompt of a record; `text` replaces its input if that had to be cut.

        Raises:
            InputError: `shots` is 1 but the record has no example, or the template uses an
                undefined field.
        """
        try:
            return self._template.render(
                instruction=record.instruction,
                input=record.input if text is None else text,
                options=record.options,
                example=_example(record) if shots else None,
            )
        except (jinja2.TemplateError, ArithmeticError, LookupError, TypeError, ValueError) as error:
            # A template prints texts: it runs no code, and loads no other.
            raise InputError(f"{self.path}: {error}") from None


def require_markers(template: PromptTemplate, tokenizer: Any, base: str) -> None:
    """Refuse a template whose markers would be read as plain text.

    Args:
        tokenizer: of transformers.
        base: whose tokenizer it is, for the message.

    Raises:
        InputError: a marker of the template is not one token of its own.
    """
    missing = [one for one in template.markers if not _is_token(one, tokenizer)]
    if missing:
        raise InputError(
            f"{template.path}: {', '.join(missing)}: no token of {base}, which would read it as "
            "text: choose the `template` of its family"
        )


def _is_token(marker: str, tokenizer: Any) -> bool:
    number = tokenizer.convert_tokens_to_ids(marker)
    known = number is not None and tokenizer.convert_ids_to_tokens(number) == marker
    return known and tokenizer(marker, add_special_tokens=False)["input_ids"] == [number]


def encode_prompt(
    record: Record, template: PromptTemplate, shots: int, tokenizer: Any, room: int
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
                f"but at most {room} fit: unless the base has no more positions, raise `max_length`"
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


def batches_by_length(
    indices: Sequence[int], lengths: Sequence[int], budget: int
) -> list[list[int]]:
    """Group indices so that a batch, padded to its longest member, has at most `budget` tokens.

    Batches come longest first, so that running out of memory shows in the first one. A member
    longer than the budget gets its own batch. The result is deterministic: ties keep their order.
    `lengths[index]` is the length of a member.
    """
    batches: list[list[int]] = []
    for index in sorted(indices, key=lambda index: -lengths[index]):
        if batches and lengths[batches[-1][0]] * (len(batches[-1]) + 1) <= budget:
            batches[-1].append(index)
        else:
            batches.append([index])
    return batches


def common_length(first: Sequence[int], last: Sequence[int]) -> int:
    """How many first tokens two sequences share; so do all that are sorted between them."""
    pairs = zip(first, last, strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def template_digest(path: Path) -> str:
    """Digest of a template's text, as a parameter; the name of the file does not count.

    Raises:
        InputError: as `PromptTemplate`.
    """
    return as_parameter(PromptTemplate(path).sha256)


def as_parameter(sha256: str) -> str:
    """The digest of a template's content, as rules compare it."""
    return f"template:{sha256}"


class _Sandbox(ImmutableSandboxedEnvironment):
    """Templates that came with a stranger's study can neither run code nor read files, and have no
    products, which may be endless."""

    intercepted_binops = frozenset(("*", "**"))

    def call_binop(self, _context: Context, operator: str, _left: Any, _right: Any) -> Any:
        """Refuse products."""
        raise SecurityError(f"has a product ({operator})")


@cache
def _parsed(path: Path, source: str) -> tuple[jinja2.Template, tuple[str, ...]]:
    """A template that is ready to render, and the markers in its own text, each once."""
    environment = _Sandbox(
        undefined=jinja2.StrictUndefined, keep_trailing_newline=True, autoescape=False
    )
    environment.filters["json"] = lambda value: json.dumps(value, ensure_ascii=False)
    try:
        tree = environment.parse(source)
        compiled = environment.from_string(source)
    except jinja2.TemplateSyntaxError as error:
        raise InputError(f"{path}: line {error.lineno}: {error.message}") from None
    if unknown := meta.find_undeclared_variables(tree) - {*VARIABLES, *environment.globals}:
        raise InputError(
            *(f"{path}: {one!r} is undefined{nearest(one, VARIABLES)}" for one in sorted(unknown))
        )
    texts = [str(node.data) for node in tree.find_all(nodes.TemplateData)]
    texts += [node.value for node in tree.find_all(nodes.Const) if isinstance(node.value, str)]
    markers = (marker for text in texts for marker in MARKER.findall(text))
    return compiled, tuple(dict.fromkeys(markers))
