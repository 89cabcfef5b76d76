"""The folder of an exported model: weights, configuration and tokenizer, as other programs read
them.
"""

import json
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from jinja2 import Environment
from transformers import GenerationConfig

from ecslm.common.files import read_json, read_text, write_json, write_text
from ecslm.models.loading import load_tokenizer
from ecslm.prediction.settings import DecodingSettings

# One file, whatever its size: which files there will be must be known before.
ONE_FILE = "1000TB"
TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json")
# What a prompt template reads, from the messages of a chat: the first of the system is the
# instruction and the last of the user is the input. A user alone gives the instruction.
RECORD = """\
{%- set said = namespace(system=none, user="") %}
{%- for message in messages %}
{%- if message["role"] == "system" and said.system is none %}
{%- set said.system = message["content"] %}
{%- elif message["role"] == "user" %}
{%- set said.user = message["content"] %}
{%- endif %}
{%- endfor %}
{%- set instruction = said.user if said.system is none else said.system %}
{%- set input = "" if said.system is none else said.user %}
{%- if options is not defined %}{% set options = none %}{% endif %}
{%- set example = none -%}
"""


def write_folder(
    model: Any, base: Path, prompt: Path, decodings: Iterable[DecodingSettings], folder: Path
) -> None:
    """Write a merged model in hub layout.

    Args:
        model: of transformers, with nothing quantised or adapted and with a head of its own.
        base: directory of its base, whose configuration and tokenizer it keeps.
        prompt: the study's prompt template.
        decodings: how the study generates answers; the longest limit becomes the default.
    """
    tokenizer, (first, *others) = load_tokenizer(base), decodings
    # How the study generates, in place of the base's defaults, which may sample.
    model.generation_config = GenerationConfig(
        do_sample=first.sample,
        max_new_tokens=max(one.max_new_tokens for one in (first, *others)),
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=(
            tokenizer.eos_token_id if tokenizer.pad_token_id is None else tokenizer.pad_token_id
        ),
        **({"temperature": first.temperature, "top_p": first.top_p} if first.sample else {}),
    )
    # Some models remember that they were quantised, and would be saved as if they still were.
    if hasattr(model.config, "quantization_config"):
        del model.config.quantization_config
    model.hf_quantizer = None
    model.save_pretrained(folder, max_shard_size=ONE_FILE)
    tokenizer.save_pretrained(folder)
    # As published, but for what the merge has changed: what a newer library writes may not be read
    # by an older one.
    configuration = read_json(base / "config.json")
    dropped = {"quantization_config", "torch_dtype"}
    kept = {name: value for name, value in configuration.items() if name not in dropped}
    dtype = str(model.dtype).removeprefix("torch.")
    write_json(folder / "config.json", kept | {"tie_word_embeddings": False, "dtype": dtype})
    for name in TOKENIZER_FILES:
        if (base / name).is_file():
            shutil.copyfile(base / name, folder / name)
    # Some programs would take the base's chat template from here.
    about = read_json(folder / "tokenizer_config.json")
    if about.pop("chat_template", None) is not None:
        write_json(folder / "tokenizer_config.json", about)
    shutil.copyfile(prompt, folder / "prompt.jinja")
    write_text(folder / "chat_template.jinja", chat_template(read_text(prompt)))


def chat_template(prompt: str) -> str:
    """A chat template that makes the prompts of a prompt template: `RECORD`, then the same with
    its texts as expressions, so that no program treats their blanks in another way."""
    parts = [RECORD]
    for _, kind, value in Environment(keep_trailing_newline=True).lex(prompt):
        if kind == "data":
            parts.append(f"{{{{ {json.dumps(value, ensure_ascii=False)} }}}}")
        elif not kind.startswith(("comment", "raw")):
            parts.append("tojson" if kind == "name" and value == "json" else value)
    return "".join(parts)
