"""Predict one task with one model: from a dataset file to a predictions file."""

import logging
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from tqdm import tqdm

from ecslm.common.errors import InputError
from ecslm.common.files import write_json, write_jsonl
from ecslm.common.hashing import sha256_of_file, sha256_of_text
from ecslm.common.manifests import Manifest, made_from
from ecslm.common.versions import require_locked
from ecslm.common.workdir import work_folder
from ecslm.models.adapters import AdapterManifest, base_digest, read_adapter
from ecslm.models.bases import BaseManifest, read_base
from ecslm.models.batching import batches_by_length
from ecslm.models.cost import CostMeter
from ecslm.models.loading import load_tokenizer, require_device
from ecslm.models.prompts import EncodedPrompt, PromptTemplate, encode_prompt
from ecslm.prediction.progress import FinishedBatches
from ecslm.prediction.settings import PredictionSettings
from ecslm.prediction.transformers_backend import Engine, Generated, load_model
from ecslm.schemas.prediction import Prediction
from ecslm.schemas.record import Record, read_records

log = logging.getLogger(__name__)

SECONDS_BETWEEN_LINES = 20.0


def predict(
    *,
    dataset: Path,
    base: Path,
    adapter: Path | None,
    template: Path,
    settings: PredictionSettings,
    batch_tokens: int,
    seed: int,
    device: str,
    output: Path,
    cost: Path,
    manifest: Path,
    code: str | None,
) -> None:
    """Write the predictions, their cost and their manifest.

    A killed job goes on after its last whole batch. `code` is a digest of the code that predicts:
    batches of other code are not continued.

    Raises:
        InputError: bad input, an altered or mismatched adapter, a missing device, or libraries
            that differ from the lock file.
    """
    versions = require_locked(settings.libraries(tuned=adapter is not None))
    target = require_device(device)
    base_manifest, base_folder = read_base(base)
    adapter_manifest = None if adapter is None else read_adapter(adapter)
    prompt_template = PromptTemplate(template)
    if adapter is not None and adapter_manifest is not None:
        _check_match(adapter, adapter_manifest, base_manifest, prompt_template, settings)
    records = [
        record
        for record in read_records(dataset)
        # The 1-shot settings hold the samples of others again, with an example.
        if (record.few_shot_example is not None) == bool(settings.shots)
    ]
    if not records:
        raise InputError(
            f"{dataset}: holds no records for {settings.shots} shots: 1 needs the 1-shot settings"
        )

    inputs = [dataset, base, *([] if adapter is None else [adapter]), template]
    origin = made_from(inputs, settings, code, versions)
    results = {"cost": cost, "predictions": output, "manifest": manifest}
    circumstances = [origin, seed, batch_tokens, target.type]
    with work_folder(results, circumstances, keep=code is not None) as work:
        if work.restored():
            return
        meter = CostMeter(target)
        tokenizer = load_tokenizer(base_folder)
        room = settings.decoding.max_length - settings.decoding.max_new_tokens
        prompts = [
            encode_prompt(record, prompt_template, settings.shots, tokenizer, room)
            for record in records
        ]
        lengths = [len(prompt.tokens) + settings.decoding.max_new_tokens for prompt in prompts]
        batches = batches_by_length(range(len(prompts)), lengths, batch_tokens)
        finished = FinishedBatches(work.folder / "batches.jsonl")
        model = load_model(
            base_folder,
            None if adapter is None else adapter.parent,
            settings.precision,
            settings.decoding.fused,
            target,
        )
        load_seconds = meter.seconds()
        engine = Engine(model, tokenizer, settings.decoding, seed)
        _generate(engine, prompts, batches, finished)
        answers = _in_order(batches, finished)
        rows = [_prediction(*parts) for parts in zip(records, prompts, answers, strict=True)]
        made = work.folder / "made"
        write_jsonl(made / "predictions", rows)
        write_json(
            made / "cost",
            {
                "load_seconds": load_seconds,
                "seconds": finished.seconds(),
                "prompts": len(prompts),
                "prompt_tokens": sum(row.prompt_tokens for row in rows),
                "generated_tokens": sum(row.generated_tokens for row in rows),
                "truncated_inputs": sum(prompt.truncated for prompt in prompts),
                "halved_batches": engine.halved,
                **meter.summary(),
            },
        )
        files = {output.name: sha256_of_file(made / "predictions")}
        write_json(made / "manifest", Manifest(files=files, **origin).model_dump(mode="json"))
        work.publish(made)


def _check_match(
    path: Path,
    adapter: AdapterManifest,
    base: BaseManifest,
    template: PromptTemplate,
    settings: PredictionSettings,
) -> None:
    """Refuse an adapter that was trained for other weights, other prompts or another precision."""
    problems = []
    if adapter.base_sha256 != base_digest(base.files):
        problems.append(f"{path}: trained on other weights than {base.base}'s: retrain it")
    shots, trained = adapter.settings["shots"], adapter.settings["precision"]
    if (adapter.template_sha256, shots) != (template.sha256, settings.shots):
        problems.append(
            f"{path}: trained with other prompts ({shots} shots) than {template.path} with "
            f"{settings.shots} shots: use the same, or retrain it"
        )
    precision = settings.precision.model_dump(mode="json")
    if trained != precision and not settings.allow_other_precision:
        problems.append(
            f"{path}: trained with {trained}, asked to predict with {precision}: use "
            "the same `precision`, or `allow_other_precision` in --settings of predict.py"
        )
    if problems:
        raise InputError(*problems)


def _generate(
    engine: Engine,
    prompts: Sequence[EncodedPrompt],
    batches: Sequence[Sequence[int]],
    finished: FinishedBatches,
) -> None:
    done = sum(len(members) for number, members in enumerate(batches) if number in finished)
    log.info("%d prompts in %d batches, %d done before", len(prompts), len(batches), done)
    last_line = time.monotonic()
    bar = tqdm(total=len(prompts), initial=done, unit="prompt", disable=not sys.stderr.isatty())
    with bar:
        for number, members in enumerate(batches):
            if number in finished:
                continue
            start = time.perf_counter()
            answers = engine.generate([prompts[i].tokens for i in members], number)
            finished.add(number, answers, time.perf_counter() - start)
            done += len(members)
            bar.update(len(members))
            if time.monotonic() - last_line >= SECONDS_BETWEEN_LINES:
                last_line = time.monotonic()
                log.info("%d of %d prompts", done, len(prompts))


def _in_order(batches: Sequence[Sequence[int]], finished: FinishedBatches) -> list[Generated]:
    """Answers in the order of the records."""
    by_index = {
        index: answer
        for number, members in enumerate(batches)
        for index, answer in zip(members, finished.answers(number), strict=True)
    }
    return [by_index[index] for index in range(len(by_index))]


def _prediction(record: Record, prompt: EncodedPrompt, answer: Generated) -> Prediction:
    return Prediction(
        id=record.id,
        sample_id=record.sample_id,
        task=record.task,
        setting=record.setting,
        prediction=answer.text,
        reference=record.output,
        options=record.options,
        relevance=record.relevance,
        prompt_sha256=sha256_of_text(prompt.text),
        prompt_tokens=len(prompt.tokens),
        generated_tokens=answer.tokens,
        finish_reason="stop" if answer.stopped else "length",
    )
