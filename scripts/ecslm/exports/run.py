"""Export a tuned model: merge its adapter into the base, and show that the result is equal."""

import logging
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from ecslm.common.errors import InputError
from ecslm.common.files import read_json, write_json
from ecslm.common.manifests import made_from, require_unchanged, write_manifest
from ecslm.common.versions import require_locked
from ecslm.common.workdir import settle
from ecslm.exports.equality import Answer, AnsweredTwice, Equality, LogitsEquality
from ecslm.exports.folder import write_folder
from ecslm.exports.settings import ExportSettings
from ecslm.models.bases import read_base
from ecslm.models.loading import load_base_model, load_tokenizer, require_device
from ecslm.models.manifests import run_fields
from ecslm.models.precision import Precision
from ecslm.models.prompts import PromptTemplate
from ecslm.prediction.answers.protocol import mode_module
from ecslm.prediction.backend import Generated, LoadedModel, Request
from ecslm.prediction.transformers_backend import (
    FormedPrompt,
    LoadedWeights,
    OneModelAtATime,
    TransformersBackend,
)
from ecslm.prediction.transformers_engine import Engine, load_model
from ecslm.prediction.transformers_settings import TransformersSettings
from ecslm.schemas.paths import ADAPTER_COST, EXPORT_EQUALITY
from ecslm.schemas.record import Record, read_records

log = logging.getLogger(__name__)

# Largest difference of logits, as a share of the largest: rounding alone gives less. Tried: a merge
# into a tied head is off by half and more.
TOLERANCE = {"float32": 1e-4, "bfloat16": 0.05}
COST, EQUALITY = (Path(path).name for path in (ADAPTER_COST, EXPORT_EQUALITY))


@dataclass(frozen=True)
class Asked:
    """The records of one task that are answered twice, their prompts and batches."""

    settings: TransformersSettings
    records: Sequence[Record]
    prompts: Sequence[FormedPrompt]
    batches: Sequence[Sequence[int]]


def export_model(
    *,
    model: str,
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
        datasets: files of test records by task, of which some are answered.

    Raises:
        InputError: bad input, an adapter that does not match the base, a device that is missing,
            or an exported model that is not equal to the base with the adapter.
    """
    versions = require_locked(settings.libraries)
    prompt = PromptTemplate(template, template_digest)
    inputs = (base, adapter, *datasets.values())
    origin = made_from(inputs, settings, code, versions, prompt.sha256)
    origin |= run_fields(model, seed, device, threads)
    loaded = LoadedWeights()
    requests = {
        task: Request(
            model=model,
            base=base,
            adapter=adapter,
            adapter_of=model,
            answers=(),
            template=prompt,
            settings=task_settings,
            batch_tokens=task_settings.budget(batch_tokens),
            seed=seed,
            device=device,
            threads=threads,
        )
        for task, task_settings in settings.tasks.items()
    }
    asked, answers = {}, {}
    for task, request in requests.items():
        log.info("%s: answers of the base with the adapter", task)
        backend = TransformersBackend(request, loaded)
        records = _sample(read_records(datasets[task]), request.settings, settings.records)
        prompts = backend.prompts(records)
        asked[task] = Asked(request.settings, records, prompts, backend.batches(prompts))
        answers[task] = _answers(backend.load(), asked[task])
    require_unchanged(origin)

    target = require_device(device)
    base_folder = read_base(base)[1]
    with _new_folder(manifest) as made:
        weights = base_folder, adapter.parent, settings.precision
        # Mostly it is loaded already: it has given the answers.
        merged = loaded.get(_merged(request), lambda: load_model(*weights, True, target))
        decodings = [one.decoding for one in settings.tasks.values()]
        write_folder(merged, base_folder, template, decodings, made)
        parameters = merged.num_parameters()
        plain = loaded.get("unmerged", lambda: load_model(*weights, False, target))
        trained = sum(p.numel() for name, p in plain.named_parameters() if "lora_" in name)
        expected = _logits(plain, asked)
        # Nothing may hold the weights that are no longer needed.
        del merged, plain
        precision = Precision(quantization="none", dtype=settings.precision.dtype)
        exported = loaded.get("exported", lambda: load_base_model(made, precision, target))
        equality = Equality(
            precision=settings.precision,
            parameters=parameters,
            trained_parameters=trained,
            logits=_compared(_logits(exported, asked), expected, settings.precision.dtype),
            answers=[
                row
                for task, one in asked.items()
                for row in _rows(one, answers[task], _exported_answers(exported, made, one, seed))
            ],
            example_prompt=next(iter(asked.values())).prompts[0].text,
        )
        log.info("%d of %d answers are the same", equality.same, len(equality.answers))
        write_json(made / EQUALITY, equality.model_dump(mode="json"))
        # An adapter may have come from elsewhere without what it cost.
        cost = adapter.with_name(COST)
        write_json(made / COST, read_json(cost) if cost.is_file() else {})
        _publish(made, manifest, origin)


def _sample(records: Sequence[Record], settings: TransformersSettings, count: int) -> list[Record]:
    """Evenly spaced records of those that the model answers, so that each setting has its share."""
    own = [record for record in records if settings.asks(record)]
    return [own[i * len(own) // count] for i in range(count)] if count < len(own) else own


def _merged(request: Request[TransformersSettings]) -> dict[str, Any]:
    """What is loaded for a request whose decoding merges the adapter, see `OneModelAtATime`."""
    settings = request.settings
    decoding = settings.decoding.model_copy(update={"fused": True})
    fused = settings.model_copy(update={"decoding": decoding})
    return OneModelAtATime.weights(replace(request, settings=fused))


def _answers(model: LoadedModel[FormedPrompt], asked: Asked) -> list[Generated]:
    found: dict[int, Generated] = {}
    for number, members in enumerate(asked.batches):
        prompts = [asked.prompts[i] for i in members]
        found |= zip(members, model.generate(prompts, number), strict=True)
    return [found[i] for i in range(len(asked.prompts))]


def _exported_answers(model: Any, folder: Path, asked: Asked, seed: int) -> list[Generated]:
    """The answers of the exported model, with its own tokenizer, by the study's own decoding.

    Raises:
        InputError: its tokenizer reads a prompt as other tokens than that of the base.
    """
    tokenizer, settings = load_tokenizer(folder), asked.settings
    for prompt in asked.prompts:
        if tokenizer(prompt.text, add_special_tokens=False)["input_ids"] != prompt.tokens:
            raise InputError(f"{folder}: the exported tokenizer differs from that of the base")
    limited = settings.answers
    mode = None if limited is None else mode_module(limited.mode).open_mode(settings, tokenizer)
    engine = Engine(model, tokenizer, settings.decoding, seed, mode)
    found: dict[int, Generated] = {}
    for number, members in enumerate(asked.batches):
        prompts = [asked.prompts[i] for i in members]
        tokens, forms = [one.tokens for one in prompts], [one.form for one in prompts]
        found |= zip(members, engine.generate(tokens, number, forms), strict=True)
    return [found[i] for i in range(len(asked.prompts))]


@torch.inference_mode()
def _logits(model: Any, asked: Mapping[str, Asked]) -> torch.Tensor:
    """Logits of the token after each prompt, prompts x vocabulary, in float32."""
    rows = [
        model(torch.tensor([prompt.tokens], device=model.device), logits_to_keep=1).logits[0, -1]
        for one in asked.values()
        for prompt in one.prompts
    ]
    return torch.stack(rows).float().cpu()


def _compared(found: torch.Tensor, expected: torch.Tensor, dtype: str) -> LogitsEquality:
    """
    Raises:
        InputError: they differ by more than rounding.
    """
    compared = LogitsEquality(
        prompts=len(expected),
        largest=float(expected.abs().max()),
        largest_difference=float((found - expected).abs().max()),
        tolerance=TOLERANCE[dtype],
    )
    if not compared.share <= compared.tolerance:
        raise InputError(
            f"the merged model is not equal to the base with the adapter: logits differ by "
            f"{compared.share:.2%} of the largest, and rounding in {dtype} by at most "
            f"{compared.tolerance:.2%}: nothing is exported"
        )
    return compared


def _rows(
    asked: Asked, by_adapter: Sequence[Generated], by_exported: Sequence[Generated]
) -> Iterator[AnsweredTwice]:
    for record, one, other in zip(asked.records, by_adapter, by_exported, strict=True):
        yield AnsweredTwice(
            id=record.id,
            sample_id=record.sample_id,
            task=record.task,
            setting=record.setting,
            reference=record.output,
            options=record.options,
            relevance=record.relevance,
            adapter=_answer(one),
            exported=_answer(other),
        )


def _answer(generated: Generated) -> Answer:
    return Answer(text=generated.text, finish_reason="stop" if generated.stopped else "length")


@contextmanager
def _new_folder(manifest: Path) -> Iterator[Path]:
    """A directory next to the manifest that is gone after the block; should this process be
    killed, the next writer of the manifest removes it."""
    manifest.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(dir=manifest.parent, prefix=f".{manifest.name}."))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _publish(made: Path, manifest: Path, origin: Mapping[str, Any]) -> None:
    """Move all files into place, the manifest last; it lists those without clock values."""
    require_unchanged(origin)
    results = []
    for path in sorted(made.iterdir()):
        settle(path)
        results.append(path.replace(manifest.with_name(path.name)))
    write_manifest(manifest, origin, [path for path in results if path.name != COST])
