"""Export a tuned model: merge its adapter into the base, and show that the result is equal."""

import logging
import tempfile
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from ecslm.common.errors import InputError
from ecslm.common.files import read_json, settle, write_json
from ecslm.common.manifests import made_from, require_unchanged, write_manifest
from ecslm.common.versions import require_locked
from ecslm.exports.equality import Answer, AnsweredTwice, Equality, LogitsEquality
from ecslm.exports.folder import write_folder
from ecslm.exports.settings import ExportSettings
from ecslm.models.bases import read_base
from ecslm.models.loading import load_base_model, load_tokenizer, require_device
from ecslm.models.manifests import run_fields
from ecslm.models.precision import Precision
from ecslm.models.prompts import as_parameter
from ecslm.prediction.backend import Generated, Request
from ecslm.prediction.settings import TransformersSettings
from ecslm.prediction.transformers_backend import TokenPrompt, TransformersBackend, loaded_model
from ecslm.prediction.transformers_engine import load_model
from ecslm.schemas.paths import ADAPTER_COST, EXPORT_EQUALITY
from ecslm.schemas.record import Record, read_records

log = logging.getLogger(__name__)

COST, EQUALITY = (Path(path).name for path in (ADAPTER_COST, EXPORT_EQUALITY))
# Largest difference of logits, as a share of the largest. Rounding alone gives less: 1.2 % was
# measured of SmolLM2-135M in bfloat16, and a merge into a tied head is off by much more.
TOLERANCE = {torch.float32: 1e-4, torch.bfloat16: 0.05}


@dataclass(frozen=True)
class Asked:
    """Test records of one task, their prompts, and how the base with the adapter answered."""

    request: Request[TransformersSettings]
    records: Sequence[Record]
    prompts: Sequence[TokenPrompt]
    answers: Sequence[Answer]


def export_model(
    asking: Request[TransformersSettings],
    datasets: Mapping[str, Path],
    settings: ExportSettings,
    manifest: Path,
    code: str | None,
) -> None:
    """Write the folder of an exported model, whole or not at all: it is the manifest's directory.

    Args:
        asking: the base and the adapter, and how they are asked; settings are those of each task.
        datasets: files of test records by task, of which some are answered: evenly spaced, so that
            each setting has its share.

    Raises:
        InputError: bad input, an adapter that does not match the base, a device that is missing,
            or an exported model that is not equal to the base with the adapter.
    """
    base, adapter = _needed(asking.base), _needed(asking.adapter)
    prompt = asking.prompt_template()
    versions = require_locked(settings.libraries)
    inputs = (base, adapter, *datasets.values())
    origin = made_from(inputs, settings, code, versions, prompt.sha256)
    origin |= run_fields(asking.model, asking.seed, asking.device, asking.threads)
    asked = []
    for task, own in settings.tasks.items():
        log.info("%s: answers of the base with the adapter", task)
        digest, budget = as_parameter(prompt.sha256), own.budget(asking.batch_tokens)
        request = replace(asking, settings=own, template_digest=digest, batch_tokens=budget)
        records = [record for record in read_records(datasets[task]) if own.asks(record)]
        if not records:
            raise InputError(f"{datasets[task]}: no records to compare the model by")
        count = min(settings.records, len(records))
        chosen = [records[i * len(records) // count] for i in range(count)]
        asked.append(Asked(request, chosen, *_answers(request, chosen)))
    require_unchanged(origin)

    manifest.parent.mkdir(parents=True, exist_ok=True)
    # Should this process be killed, the next writer of the manifest removes it.
    with tempfile.TemporaryDirectory(dir=manifest.parent, prefix=f".{manifest.name}.") as name:
        made, folder = Path(name), read_base(base)[1]
        # Mostly it is loaded already: it has given the answers.
        fused = own.model_copy(update={"decoding": own.decoding.model_copy(update={"fused": True})})
        key = TransformersBackend(replace(request, settings=fused)).weights()
        decodings = [one.decoding for one in settings.tasks.values()]
        # Not kept, or the model would stay in memory with the next ones.
        write_folder(
            loaded_model(key, lambda: _with_adapter(request, folder, merged=True)),
            folder,
            prompt.path,
            decodings,
            made,
        )
        equality = _compare(asked, folder, made)
        log.info("%d of %d answers are the same", equality.same, len(equality.answers))
        write_json(made / EQUALITY, equality.model_dump(mode="json"))
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
    request: Request[TransformersSettings], records: Sequence[Record], model: Any = None
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
    return prompts, [Answer(text=one.text, finish_reason=one.finish_reason) for one in ordered]


def _compare(asked: Sequence[Asked], base: Path, made: Path) -> Equality:
    """
    Raises:
        InputError: the exported model is not equal to the base with the adapter, or its tokenizer
            reads a prompt as other tokens than that of the base.
    """
    request, prompts = asked[0].request, [prompt for one in asked for prompt in one.prompts]
    # The warning does not apply: nothing is merged into this model, whose head is tied.
    warnings.filterwarnings("ignore", message="Model has `tie_word_embeddings=True`")
    model = loaded_model("unmerged", lambda: _with_adapter(request, base, merged=False))
    expected = _next_logits(model, prompts)
    trained = sum(p.numel() for name, p in model.named_parameters() if "lora_" in name)
    del model
    precision, device = request.settings.precision, require_device(request.device)
    # Of settings that leave it to the device.
    dtype = precision.computed_in(request.device)
    plain = Precision(quantization="none", dtype=dtype)
    exported = loaded_model("exported", lambda: load_base_model(made, plain, device))
    tokenizer = load_tokenizer(made)
    for prompt in prompts:
        if tokenizer(prompt.text, add_special_tokens=False)["input_ids"] != prompt.tokens:
            raise InputError(f"{made}: the exported tokenizer differs from that of the base")
    return Equality(
        precision=precision.model_copy(update={"dtype": dtype}),
        parameters=exported.num_parameters(),
        trained_parameters=trained,
        logits=_compared(_next_logits(exported, prompts), expected, exported.dtype),
        answers=[row for one in asked for row in answered_twice(one, exported)],
        example_prompt=prompts[0].text,
    )


def answered_twice(asked: Asked, exported: Any) -> list[AnsweredTwice]:
    """The records with both answers: that of the base with the adapter, and of the exported model
    to the same prompts."""
    _, answers = _answers(asked.request, asked.records, exported)
    return [
        AnsweredTwice(
            **record.model_dump(include=set(AnsweredTwice.model_fields)),
            reference=record.output,
            adapter=one,
            exported=other,
        )
        for record, one, other in zip(asked.records, asked.answers, answers, strict=True)
    ]


@torch.inference_mode()
def _next_logits(model: Any, prompts: Sequence[TokenPrompt]) -> torch.Tensor:
    """Logits of the token after each prompt, prompts x vocabulary, in float32."""
    rows = [
        model(torch.tensor([prompt.tokens], device=model.device), logits_to_keep=1).logits[0, -1]
        for prompt in prompts
    ]
    return torch.stack(rows).float().cpu()


def _compared(found: torch.Tensor, expected: torch.Tensor, dtype: torch.dtype) -> LogitsEquality:
    """
    Raises:
        InputError: they differ by more than rounding.
    """
    result = LogitsEquality(
        prompts=len(expected),
        largest=float(expected.abs().max()),
        largest_difference=float((found - expected).abs().max()),
        tolerance=TOLERANCE[dtype],
    )
    # Not so of nan either.
    if not result.share <= result.tolerance:
        raise InputError(
            f"the merged model is not equal to the base with the adapter: logits differ by "
            f"{result.share:.2%} of the largest, and rounding in {dtype} by at most "
            f"{result.tolerance:.2%}: nothing is exported"
        )
    return result


def _with_adapter(request: Request[TransformersSettings], base: Path, *, merged: bool) -> Any:
    folder, device = _needed(request.adapter).parent, require_device(request.device)
    return load_model(base, folder, request.settings.precision, merged, device)


def _needed(path: Path | None) -> Path:
    assert path is not None, "exported models have a base and an adapter"
    return path
