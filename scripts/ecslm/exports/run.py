"""Export a tuned model: merge its adapter into the base, and show that the result is equal."""

import logging
import shutil
import tempfile
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from ecslm.common.errors import InputError
from ecslm.common.files import read_json, settle, write_json
from ecslm.common.manifests import made_from, require_unchanged, write_manifest
from ecslm.common.versions import require_locked
from ecslm.exports.comparing import Asked, answered_twice, ask_adapter, compared, next_logits
from ecslm.exports.equality import Equality
from ecslm.exports.folder import write_folder
from ecslm.exports.settings import ExportSettings
from ecslm.models.bases import read_base
from ecslm.models.loading import load_base_model, require_device
from ecslm.models.manifests import run_fields
from ecslm.models.precision import Precision
from ecslm.models.prompts import PromptTemplate, as_parameter
from ecslm.prediction.backend import Request
from ecslm.prediction.transformers_backend import loaded_model, weights_of
from ecslm.prediction.transformers_engine import load_model
from ecslm.prediction.transformers_settings import TransformersSettings
from ecslm.schemas.paths import ADAPTER_COST, EXPORT_EQUALITY
from ecslm.schemas.record import read_records

log = logging.getLogger(__name__)

COST, EQUALITY = (Path(path).name for path in (ADAPTER_COST, EXPORT_EQUALITY))


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
    asked: list[Asked] = []
    for task, task_settings in settings.tasks.items():
        log.info("%s: answers of the base with the adapter", task)
        request = Request(
            model=model,
            base=base,
            adapter=adapter,
            adapter_of=model,
            template=template,
            template_digest=as_parameter(prompt.sha256),
            settings=task_settings,
            batch_tokens=task_settings.budget(batch_tokens),
            seed=seed,
            device=device,
            threads=threads,
        )
        records = read_records(datasets[task])
        if not records:
            raise InputError(f"{datasets[task]}: no records to compare the model by")
        asked.append(ask_adapter(request, records, settings.records))
    require_unchanged(origin)

    with _new_folder(manifest) as made:
        _write_merged(asked, template, made)
        equality = _compare(asked, made)
        log.info("%d of %d answers are the same", equality.same, len(equality.answers))
        write_json(made / EQUALITY, equality.model_dump(mode="json"))
        # An adapter may have come from elsewhere without what it cost.
        cost = adapter.with_name(COST)
        write_json(made / COST, read_json(cost) if cost.is_file() else {})
        _publish(made, manifest, origin)


def _write_merged(asked: Sequence[Asked], template: Path, made: Path) -> None:
    request = asked[-1].request
    # Mostly it is loaded already: it has given the answers.
    settings = request.settings
    merging = settings.model_copy(
        update={"decoding": settings.decoding.model_copy(update={"fused": True})}
    )
    key = weights_of(replace(request, settings=merging))
    model = loaded_model(key, lambda: _with_adapter(request, merged=True))
    decodings = [one.request.settings.decoding for one in asked]
    write_folder(model, _base_folder(request), template, decodings, made)


def _compare(asked: Sequence[Asked], made: Path) -> Equality:
    """
    Raises:
        InputError: the exported model is not equal to the base with the adapter.
    """
    request = asked[0].request
    # The warning does not apply: nothing is merged into this model, whose head is tied.
    warnings.filterwarnings("ignore", message="Model has `tie_word_embeddings=True`")
    model = loaded_model("unmerged", lambda: _with_adapter(request, merged=False))
    expected = next_logits(model, asked)
    trained = sum(p.numel() for name, p in model.named_parameters() if "lora_" in name)
    # Or it would stay in memory with the next one.
    del model
    study, target = request.settings.precision, require_device(request.device)
    plain = Precision(quantization="none", dtype=study.dtype)
    exported = loaded_model("exported", lambda: load_base_model(made, plain, target))
    return Equality(
        precision=study,
        parameters=exported.num_parameters(),
        trained_parameters=trained,
        logits=compared(next_logits(exported, asked), expected, study.dtype),
        answers=[row for one in asked for row in answered_twice(exported, made, one)],
        example_prompt=asked[0].prompts[0].text,
    )


def _with_adapter(request: Request[TransformersSettings], merged: bool) -> Any:
    assert request.adapter is not None, "exported models are tuned"
    return load_model(
        _base_folder(request),
        request.adapter.parent,
        request.settings.precision,
        merged,
        require_device(request.device),
    )


def _base_folder(request: Request[TransformersSettings]) -> Path:
    assert request.base is not None, "exported models have a base"
    return read_base(request.base)[1]


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
