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
from ecslm.models.prompts import PromptTemplate, as_parameter
from ecslm.prediction.backend import Generated, Request
from ecslm.prediction.transformers_backend import TokenPrompt, TransformersBackend, loaded_model
from ecslm.prediction.transformers_engine import load_model
from ecslm.prediction.transformers_settings import TransformersSettings
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
    *,
    model: str | None,
    datasets: Mapping[str, Path],
    base: Path,
    adapter: Path,
    template: Path,
    template_digest: str | None,
    settings: ExportSettings,
    batch_tokens: int,
    seed: int,
    device: str,
    threads: int,
    manifest: Path,
    code: str | None,
) -> None:
    """Write the folder of an exported model, whole or not at all: it is the manifest's directory.

    Args:
        datasets: files of test records by task, of which some are answered: evenly spaced, so that
            each setting has its share.

    Raises:
        InputError: bad input, an adapter that does not match the base, a device that is missing,
            or an exported model that is not equal to the base with the adapter.
    """
    versions = require_locked(settings.libraries)
    prompt = PromptTemplate(template, template_digest)
    inputs = (base, adapter, *datasets.values())
    origin = made_from(inputs, settings, code, versions, prompt.sha256)
    origin |= run_fields(model, seed, device, threads)
    asked: list[Asked] = []
    for task, own in settings.tasks.items():
        log.info("%s: answers of the base with the adapter", task)
        request = Request(
            model=model,
            base=base,
            adapter=adapter,
            adapter_of=model,
            template=template,
            template_digest=as_parameter(prompt.sha256),
            settings=own,
            batch_tokens=own.budget(batch_tokens),
            seed=seed,
            device=device,
            threads=threads,
        )
        records = [record for record in read_records(datasets[task]) if own.asks(record)]
        if not records:
            raise InputError(f"{datasets[task]}: no records to compare the model by")
        count = min(settings.records, len(records))
        chosen = [records[i * len(records) // count] for i in range(count)]
        backend = TransformersBackend(request)
        prompts = backend.prompts(chosen)
        backend.load()
        asked.append(Asked(request, chosen, prompts, _answers(backend, prompts)))
    require_unchanged(origin)

    folder = read_base(base)[1]
    manifest.parent.mkdir(parents=True, exist_ok=True)
    # Should this process be killed, the next writer of the manifest removes it.
    with tempfile.TemporaryDirectory(dir=manifest.parent, prefix=f".{manifest.name}.") as name:
        made = Path(name)
        # Mostly it is loaded already: it has given the answers.
        fused = own.model_copy(update={"decoding": own.decoding.model_copy(update={"fused": True})})
        key = TransformersBackend(replace(request, settings=fused)).weights()
        merged = loaded_model(key, lambda: _with_adapter(request, folder, merged=True))
        decodings = [one.decoding for one in settings.tasks.values()]
        write_folder(merged, folder, template, decodings, made)
        # Or their model would stay in memory with the next ones.
        del backend, merged
        equality = _compare(asked, folder, made)
        log.info("%d of %d answers are the same", equality.same, len(equality.answers))
        write_json(made / EQUALITY, equality.model_dump(mode="json"))
        # An adapter may have come from elsewhere without what it cost.
        cost = adapter.with_name(COST)
        write_json(made / COST, read_json(cost) if cost.is_file() else {})
        _publish(made, manifest, origin)


def _answers(backend: TransformersBackend, prompts: Sequence[TokenPrompt]) -> list[Answer]:
    """The answers of a loaded backend to prompts, in order, in the batches of the study."""
    found: dict[int, Generated] = {}
    for number, members in enumerate(backend.batches(prompts)):
        texts = backend.generate([prompts[i] for i in members], number)
        found |= zip(members, texts, strict=True)
    return [
        Answer.model_validate({"text": one.text, "finish_reason": one.finish_reason})
        for one in (found[i] for i in sorted(found))
    ]


def _compare(asked: Sequence[Asked], base: Path, made: Path) -> Equality:
    """
    Raises:
        InputError: the exported model is not equal to the base with the adapter, or its tokenizer
            reads a prompt as other tokens than that of the base.
    """
    request = asked[0].request
    # The warning does not apply: nothing is merged into this model, whose head is tied.
    warnings.filterwarnings("ignore", message="Model has `tie_word_embeddings=True`")
    model = loaded_model("unmerged", lambda: _with_adapter(request, base, merged=False))
    expected = _next_logits(model, asked)
    trained = sum(p.numel() for name, p in model.named_parameters() if "lora_" in name)
    del model
    precision, device = request.settings.precision, require_device(request.device)
    plain = Precision(quantization="none", dtype=precision.dtype)
    exported = loaded_model("exported", lambda: load_base_model(made, plain, device))
    tokenizer = load_tokenizer(made)
    for prompt in (prompt for one in asked for prompt in one.prompts):
        if tokenizer(prompt.text, add_special_tokens=False)["input_ids"] != prompt.tokens:
            raise InputError(f"{made}: the exported tokenizer differs from that of the base")
    return Equality(
        precision=precision,
        parameters=exported.num_parameters(),
        trained_parameters=trained,
        logits=_compared(_next_logits(exported, asked), expected, exported.dtype),
        answers=[row for one in asked for row in answered_twice(one, exported)],
        example_prompt=asked[0].prompts[0].text,
    )


def answered_twice(asked: Asked, exported: Any) -> list[AnsweredTwice]:
    """The records with both answers: that of the base with the adapter, and of the exported model
    to the same prompts."""
    backend = TransformersBackend(asked.request)
    backend.load(exported)
    answers = _answers(backend, asked.prompts)
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
def _next_logits(model: Any, asked: Sequence[Asked]) -> torch.Tensor:
    """Logits of the token after each prompt, prompts x vocabulary, in float32."""
    rows = [
        model(torch.tensor([prompt.tokens], device=model.device), logits_to_keep=1).logits[0, -1]
        for one in asked
        for prompt in one.prompts
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
    assert request.adapter is not None, "exported models are tuned"
    device = require_device(request.device)
    return load_model(base, request.adapter.parent, request.settings.precision, merged, device)


def _publish(made: Path, manifest: Path, origin: Mapping[str, Any]) -> None:
    """Move all files into place, the manifest last; it lists those without clock values."""
    require_unchanged(origin)
    results = []
    for path in sorted(made.iterdir()):
        settle(path)
        results.append(path.replace(manifest.with_name(path.name)))
    write_manifest(manifest, origin, [path for path in results if path.name != COST])
