"""The folder of an exported model: weights, configuration and tokenizer, as other programs read
them.
"""

import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from transformers import GenerationConfig

from ecslm.common.files import read_json, write_json, write_text
from ecslm.models.loading import load_tokenizer
from ecslm.prediction.settings import DecodingSettings

# One file, whatever its size: which files there will be must be known before.
ONE_FILE = "1000TB"
TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json")
# For a base without a template of its own: a chat API then takes whole prompts as messages.
WHOLE_PROMPTS = "{% for message in messages %}{{ message['content'] }}{% endfor %}"


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
    if tokenizer.chat_template is None:
        write_text(folder / "chat_template.jinja", WHOLE_PROMPTS)
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
    shutil.copyfile(prompt, folder / "prompt.jinja")
