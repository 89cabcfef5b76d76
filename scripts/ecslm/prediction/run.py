"""Predict one task with one model, from a dataset file to a predictions file."""

import logging
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ecslm.common.devices.lease import lease_devices
from ecslm.common.errors import InputError
from ecslm.common.files import write_json, write_jsonl
from ecslm.common.hashing import sha256_of_text
from ecslm.common.manifests import made_from, require_unchanged
from ecslm.common.versions import require_locked
from ecslm.common.workdir import Outputs, work_folder
from ecslm.common.worker.client import WorkerLostError
from ecslm.models.cost import prediction_cost
from ecslm.models.manifests import run_fields
from ecslm.models.prompts import PromptTemplate
from ecslm.prediction.backend import (
    BackendModule,
    Generated,
    LoadedModel,
    Prompt,
    Request,
    Run,
    SomePrompt,
    backend_module,
)
from ecslm.prediction.given_records import read_given
from ecslm.prediction.progress import FinishedBatches
from ecslm.prediction.settings import PredictionSettings
from ecslm.prediction.shown_progress import progress
from ecslm.schemas.paths import FINISHED
from ecslm.schemas.prediction import FinishReason, Prediction
from ecslm.schemas.record import Record

log = logging.getLogger(__name__)


def predict(
    *,
    model: str | None,
    dataset: Path,
    task: str | None = None,
    base: Path | None = None,
    adapter: Path | None = None,
    adapter_of: str | None = None,
    answers: Sequence[Path] = (),
    train: Path | None = None,
    val: Path | None = None,
    template: Path | None = None,
    template_digest: str | None = None,
    settings: PredictionSettings,
    batch_tokens: int,
    seed: int,
    device: str,
    threads: int,
    access: str | None = None,
    output: Path,
    cost: Path,
    manifest: Path,
    code: str | None,
    run: str | None = None,
) -> None:
    """Predict; write the predictions, their cost and their manifest.

    A killed job continues after its last finished batch, if `code`, the digest of the prediction
    code, is given: otherwise it is unknown whether this code generated the batches. Predictions
    that were finished, by any study, are taken from the cache: the backend is opened only if there
    are none.

    Args:
        task: the task of records that name none, as the user's own may.
        adapter_of: the model that the adapter was trained as, if that is not `model`.
        run: the run that the job belongs to, see `common/worker/place.py`. If the code is known,
            its jobs share a process with the model; without a run, the job loads the model.

    Raises:
        InputError: bad input, an unknown backend, a request that the backend refuses, or libraries
            that differ from the lock file.
    """
    module = backend_module(settings.backend)
    versions = require_locked(module.libraries(settings, tuned=adapter is not None))
    prompt = None if template is None else PromptTemplate(template, template_digest)
    inputs = [path for path in (dataset, base, adapter, *answers, train, val) if path is not None]
    origin = made_from(inputs, settings, code, versions, None if prompt is None else prompt.sha256)
    request = Request(
        model=model,
        base=base,
        adapter=adapter,
        adapter_of=adapter_of or model,
        answers=tuple(answers),
        train=train,
        val=val,
        template=prompt,
        settings=settings,
        batch_tokens=batch_tokens,
        seed=seed,
        device=device,
        threads=threads,
        access=access,
        run=None if run is None or code is None else Run(run, code, versions),
    )
    records = _records(dataset, task, settings)
    require_unchanged(origin)

    known = run_fields(model, seed, device if settings.LOCAL else None, threads)
    action = {
        "step": "predict",
        "dataset": origin["inputs"][str(dataset)],
        "model": module.identity(request),
        "seed": seed,
    }
    if settings.LOCAL:
        action |= {"batch_tokens": batch_tokens, "device": device, "threads": known["threads"]}
    outputs = Outputs(manifest, {"predictions": output}, {"cost": cost})
    with work_folder(outputs, action, origin, FINISHED, known) as work:
        if work.restored():
            return
        if settings.LOCAL:
            lease_devices(device)
        work.publish(_made(module, request, records, work.folder), found={})


def _made(
    module: BackendModule, request: Request[Any], records: Sequence[Record], work: Path
) -> dict[str, Path]:
    """Predict, if need be without the process that the run shares: finished batches remain."""
    try:
        return _predicted(module, request, records, work)
    except WorkerLostError as error:
        log.warning("%s: this job loads the model itself", error)
    return _predicted(module, replace(request, run=None), records, work)


def _records(dataset: Path, task: str | None, settings: PredictionSettings) -> list[Record]:
    records = [record for record in read_given(dataset, task) if settings.asks(record)]
    if not records:
        needs = f"no records for `shots: {settings.shots}`: 1 needs the 1-shot settings"
        raise InputError(f"{dataset}: {needs}")
    return records


def _predicted(
    module: BackendModule, request: Request[Any], records: Sequence[Record], work: Path
) -> dict[str, Path]:
    """Predict in the directory of the work; returns the files, by the names of the outputs."""
    start = time.perf_counter()
    backend = module.open_backend(request)
    prompts = backend.prompts(records)
    batches = backend.batches(prompts)
    finished = FinishedBatches(work / "batches.jsonl", list(map(len, batches)))
    loaded = backend.load()
    load_seconds = time.perf_counter() - start
    resumed = any(number in finished for number in range(len(batches)))
    _generate(loaded, prompts, batches, finished)
    answers = _in_order(batches, finished)
    rows = [_prediction(*parts) for parts in zip(records, prompts, answers, strict=True)]
    made = {name: work / "made" / name for name in ("predictions", "cost")}
    write_jsonl(made["predictions"], rows)
    write_json(
        made["cost"],
        prediction_cost(
            load_seconds,
            finished.seconds(),
            prompt_tokens=[row.prompt_tokens for row in rows],
            generated_tokens=[row.generated_tokens for row in rows],
            truncated=[prompt.truncated for prompt in prompts],
            of_model=loaded.cost(),
            resumed=resumed,
        ),
    )
    return made


def _generate(
    model: LoadedModel[SomePrompt],
    prompts: Sequence[SomePrompt],
    batches: Sequence[Sequence[int]],
    finished: FinishedBatches,
) -> None:
    done = sum(len(members) for number, members in enumerate(batches) if number in finished)
    log.info("%d prompts in %d batches, %d already done", len(prompts), len(batches), done)
    with progress(len(prompts), done) as shown:
        for number, members in enumerate(batches):
            if number in finished:
                continue
            start = time.perf_counter()
            answers = model.generate([prompts[i] for i in members], number, shown.answered)
            finished.add(number, answers, time.perf_counter() - start)
            shown.finished(len(members))


def _in_order(batches: Sequence[Sequence[int]], finished: FinishedBatches) -> list[Generated]:
    """Answers in the order of the records."""
    by_index = {
        index: answer
        for number, members in enumerate(batches)
        for index, answer in zip(members, finished.answers(number), strict=True)
    }
    return [by_index[index] for index in range(len(by_index))]


def _prediction(record: Record, prompt: Prompt, answer: Generated) -> Prediction:
    return Prediction(
        id=record.id,
        sample_id=record.sample_id,
        task=record.task,
        setting=record.setting,
        prediction=answer.text,
        reference=record.output,
        options=record.options,
        relevance=record.relevance,
        prompt_sha256=None if prompt.text is None else sha256_of_text(prompt.text),
        prompt_tokens=answer.prompt_tokens,
        generated_tokens=answer.tokens,
        finish_reason=_finish_reason(answer),
    )


def _finish_reason(answer: Generated) -> FinishReason | None:
    if answer.withheld:
        return "content_filter"
    if answer.stopped is None:
        return None
    return "stop" if answer.stopped else "length"
