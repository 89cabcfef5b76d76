"""Export a tuned model: merge its adapter into the base, write it as a folder that other programs
read, and show that it is equal. The evidence is `equality.json` in that folder.
"""

import json
import shutil
import tempfile
import warnings
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from jinja2 import Environment
from transformers import GenerationConfig

from ecslm.common.environment import require_locked
from ecslm.common.errors import InputError
from ecslm.common.files import read_json, read_text, settle, write_json, write_text
from ecslm.common.manifests import made_from, require_unchanged, write_manifest
from ecslm.exports.settings import ExportSettings
from ecslm.families.backend import AskedModel, Generated, Request, required
from ecslm.families.settings import DecodingSettings
from ecslm.families.transformers.backend import TokenPrompt, TransformersBackend, loaded_model
from ecslm.families.transformers.generation import load_model
from ecslm.models.bases import read_base
from ecslm.models.loading import load_base_model, load_tokenizer, require_device
from ecslm.models.manifests import run_fields
from ecslm.models.precision import Precision
from ecslm.models.prompts import as_parameter
from ecslm.schemas.paths import ADAPTER_COST, EXPORT_EQUALITY
from ecslm.schemas.record import Record, read_records

COST, EQUALITY = (Path(path).name for path in (ADAPTER_COST, EXPORT_EQUALITY))
# Largest difference of logits, as a share of the largest. Rounding alone gives less: 1.2 % was
# measured of SmolLM2-135M in bfloat16, and a merge into a tied head is off by much more.
TOLERANCE = {torch.float32: 1e-4, torch.bfloat16: 0.05}
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


# An answer as text, and what ended it.
Answer = dict[str, str | None]
# Test records of one task, how they are asked, their prompts, and how the base with the adapter
# answered.
Asked = tuple[Request, Sequence[Record], Sequence[TokenPrompt], Sequence[Answer]]


def export_model(
    model: AskedModel,
    datasets: Mapping[str, Path],
    settings: ExportSettings,
    batch_tokens: int,
    manifest: Path,
    code: str | None,
) -> None:
    """Write the folder of an exported model, whole or not at all: it is the manifest's directory.

    Args:
        model: the base with the adapter.
        datasets: files of test records by task, of which some are answered: evenly spaced, so that
            each setting has its share.

    Raises:
        InputError: bad input, an adapter that does not match the base, a device that is missing,
            or an exported model that is not equal to the base with the adapter.
    """
    base, adapter, prompt = required(model.base), required(model.adapter), model.prompt_template()
    versions = require_locked(settings.libraries)
    inputs = (base, adapter, *datasets.values())
    origin = made_from(inputs, settings, code, versions, prompt.sha256)
    origin |= run_fields(model.model, model.seed, model.device, model.threads)
    asked: list[Asked] = []
    pinned = vars(model) | {"template_digest": as_parameter(prompt.sha256)}
    for task, own in settings.tasks.items():
        request = Request(**pinned, settings=own, batch_tokens=own.budget(batch_tokens))
        records = [record for record in read_records(datasets[task]) if own.asks(record)]
        count = min(settings.records, len(records))
        chosen = [records[i * len(records) // count] for i in range(count)]
        asked.append((request, chosen, *_answers(request, chosen)))

    manifest.parent.mkdir(parents=True, exist_ok=True)
    # Should this process be killed, the next writer of the manifest removes it.
    with tempfile.TemporaryDirectory(dir=manifest.parent, prefix=f".{manifest.name}.") as name:
        made, folder = Path(name), read_base(base)[1]
        decodings = [one.decoding for one in settings.tasks.values()]
        # Not kept, or the model would stay in memory with the next ones.
        write_folder(_with_adapter(request, folder, True), folder, prompt.path, decodings, made)
        write_json(made / EQUALITY, _compare(asked, folder, made))
        # An adapter may have come from elsewhere without what it cost.
        cost = adapter.with_name(COST)
        write_json(made / COST, read_json(cost) if cost.is_file() else {})
        require_unchanged(origin)
        results = []
        for path in sorted(made.iterdir()):
            settle(path)
            results.append(path.replace(manifest.with_name(path.name)))
        # Last, and without clock values.
        write_manifest(manifest, origin, [path for path in results if path.name != COST])


def _answers(
    request: Request, records: Sequence[Record], model: Any = None
) -> tuple[Sequence[TokenPrompt], list[Answer]]:
    """The prompts of records and the answers to them, in order, in the batches of the study.

    Args:
        model: answers, if it is given; else the base with the adapter does.
    """
    backend = TransformersBackend(request)
    prompts = backend.prompts(records)
    backend.load(model)
    found: dict[int, Generated] = {}
    for number, members in enumerate(backend.batches(prompts)):
        texts = backend.generate([prompts[i] for i in members], number)
        found |= zip(members, texts, strict=True)
    ordered = (found[i] for i in range(len(prompts)))
    return prompts, [{"text": one.text, "finish_reason": one.finish_reason} for one in ordered]


def _compare(asked: Sequence[Asked], base: Path, made: Path) -> dict[str, Any]:
    """The exported model against the base with the adapter: parameters, logits of the token after
    each prompt, and answers.

    The exported one is loaded by transformers alone; the adapter stands beside the base, not
    merged, in the precision of the study.

    Raises:
        InputError: the exported model is not equal to the base with the adapter: logits differ by
            more than rounding.
    """
    (request, *_), prompts = asked[0], [prompt for _, _, own, _ in asked for prompt in own]
    # The warning does not apply: nothing is merged into this model, whose head is tied.
    warnings.filterwarnings("ignore", message="Model has `tie_word_embeddings=True`")
    model = _with_adapter(request, base, False)
    expected = _next_logits(model, prompts)
    trained = sum(p.numel() for name, p in model.named_parameters() if "lora_" in name)
    del model
    precision, device = request.settings.precision, require_device(request.device)
    # Of settings that leave it to the device.
    dtype = precision.computed_in(request.device)
    plain = Precision(quantization="none", dtype=dtype)
    exported = loaded_model("exported", lambda: load_base_model(made, plain, device))
    largest, tolerance = float(expected.abs().max()), TOLERANCE[exported.dtype]
    difference = float((_next_logits(exported, prompts) - expected).abs().max())
    # Not so of nan either.
    if not difference <= tolerance * largest:
        raise InputError(
            f"the merged model is not equal to the base with the adapter: logits differ by "
            f"{difference / largest:.2%} of the largest, and rounding in {dtype} by at most "
            f"{tolerance:.2%}: nothing is exported"
        )
    return {
        "precision": {"quantization": precision.quantization, "dtype": dtype},
        # With a head of its own.
        "parameters": exported.num_parameters(),
        "trained_parameters": trained,
        "logits": {
            "prompts": len(expected),
            "largest": largest,
            "largest_difference": difference,
            # Of the largest.
            "tolerance": tolerance,
        },
        "answers": [
            {name: getattr(record, name) for name in ("id", "sample_id", "task", "setting")}
            | {"reference": record.output, "options": record.options}
            | {"relevance": record.relevance, "adapter": one, "exported": other}
            for how, records, _, answers in asked
            for record, one, other in zip(
                records, answers, _answers(how, records, exported)[1], strict=True
            )
        ],
        "example_prompt": prompts[0].text,
    }


@torch.inference_mode()
def _next_logits(model: Any, prompts: Sequence[TokenPrompt]) -> torch.Tensor:
    """Logits of the token after each prompt, prompts x vocabulary, in float32."""
    rows = [
        model(torch.tensor([prompt.tokens], device=model.device), logits_to_keep=1).logits[0, -1]
        for prompt in prompts
    ]
    return torch.stack(rows).float().cpu()


def _with_adapter(request: Request, base: Path, merged: bool) -> Any:
    device, adapter = require_device(request.device), required(request.adapter).parent
    how = base, adapter, request.settings.precision, merged, device
    return loaded_model(f"merged: {merged}", lambda: load_model(*how))


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
    ids = ("bos_token_id", "eos_token_id", "pad_token_id")
    # How the study generates, in place of the base's defaults, which may sample.
    model.generation_config = GenerationConfig(
        do_sample=first.sample,
        max_new_tokens=max(one.max_new_tokens for one in (first, *others)),
        **{name: getattr(tokenizer, name) for name in ids},
        **({"temperature": first.temperature, "top_p": first.top_p} if first.sample else {}),
    )
    # Some models remember that they were quantised, and would be saved as if they still were.
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
