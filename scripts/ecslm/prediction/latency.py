"""Latency: how long a model takes to answer a fixed sample of test prompts, one at a time.

Only weights that run here are measured. The answers of a server come from a cache, and depend on
the network and on who else asks it.
"""

import logging
import statistics
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ecslm.common.devices.lease import lease_devices
from ecslm.common.errors import InputError
from ecslm.common.files import remove_temporaries, write_json
from ecslm.common.hashing import sha256_of_text
from ecslm.common.locks import held
from ecslm.common.manifests import made_from, manifest_of, require_unchanged, write_manifest
from ecslm.common.versions import require_locked
from ecslm.common.worker.client import WorkerLostError
from ecslm.models.manifests import run_fields
from ecslm.models.prompts import PromptTemplate, as_parameter
from ecslm.prediction.backend import Backend, Prompt, Request
from ecslm.prediction.latency_settings import LatencySettings, SampleSettings
from ecslm.prediction.transformers_backend import libraries, open_backend
from ecslm.prediction.transformers_settings import TransformersSettings
from ecslm.schemas.cost import LatencyFile, TimedAnswer
from ecslm.schemas.record import Record, read_records
from ecslm.script import Device, OutputFile, job

log = logging.getLogger(__name__)


@job(log=True)
def measure_latency(
    *,
    datasets: Sequence[Path],
    base: Path,
    template: Path,
    output: OutputFile,
    model: str | None = None,
    adapter: Path | None = None,
    adapter_of: str | None = None,
    template_digest: str | None = None,
    settings: LatencySettings,
    seed: int = 0,
    device: Device = "cpu",
    threads: int = 2,
    worker_code: str | None = None,
    manifest: OutputFile | None = None,
    code: str | None = None,
) -> None:
    """Answer the sample; write how long each answer took, and the manifest.

    The manifest does not list the output, which holds clock values. Without `worker_code`, and
    outside of a run, the job loads the model itself.

    Raises:
        InputError: bad input, a model that cannot be used, too few records, or libraries that
            differ from the lock file.

    Args:
        datasets: dataset files of test records
        base: manifest.json of the base weights, as results/bases/NAME/manifest.json
        template: Jinja file of the prompt, as in resources/prompts
        output: file to write: the seconds of each answer
        model: name of the model, which must be that of the adapter (default: any)
        adapter: manifest.json of the adapter (default: none)
        adapter_of: name of the model that the adapter was trained as (default: --model)
        template_digest: set by a run: digest of the template; another template is refused
        settings: sample, and how tasks are answered: JSON or @FILE
        seed: seed of sampled decoding, and of the adapter
        device: where to compute
        threads: CPU threads
        worker_code: set by a run: digest of predict.py's code, which identifies its process
        manifest: manifest to write: what the result was made from (default: OUTPUT with
            .manifest.json)
        code: set by a run: digest of the code, which is recorded; other code refuses to run
    """
    manifest = manifest or manifest_of(output)
    used = (libraries(own, tuned=adapter is not None) for own in settings.tasks.values())
    versions = require_locked(tuple(dict.fromkeys(name for names in used for name in names)))
    prompt = PromptTemplate(template, template_digest).sha256
    inputs = [path for path in (*datasets, base, adapter) if path is not None]
    origin = made_from(inputs, settings, code, versions, prompt)
    requests = {
        task: Request(
            model=model,
            base=base,
            adapter=adapter,
            adapter_of=adapter_of or model,
            template=template,
            template_digest=as_parameter(prompt),
            settings=own,
            seed=seed,
            device=device,
            threads=threads,
            worker_code=worker_code,
        )
        for task, own in settings.tasks.items()
    }
    records = (record for path in datasets for record in read_records(path))
    sample = sample_of(records, settings, settings.tasks)
    require_unchanged(origin)
    # One that outlived its run would slow this one down.
    lock = manifest.parent / "work" / f"{manifest.name}.lock"
    with held(lock, str(output), wait=True, stays=code is not None):
        lease_devices(device)
        try:
            found = _measured(requests, sample)
        except WorkerLostError as error:
            log.warning("%s: this job loads the model itself", error)
            alone = {task: replace(one, worker_code=None) for task, one in requests.items()}
            found = _measured(alone, sample)
        remove_temporaries(output)
        write_json(output, found.model_dump(mode="json"))
        precision = next(iter(settings.tasks.values())).precision
        write_manifest(manifest, origin | run_fields(model, seed, device, threads, precision), [])


def sample_of(
    records: Iterable[Record], sample: SampleSettings, tasks: Mapping[str, TransformersSettings]
) -> dict[str, list[Record]]:
    """The records of each task that are answered, in an order that their ids and the seed decide.

    So another record changes the sample by itself at most.

    Raises:
        InputError: there are fewer than two.
    """
    asked: dict[str, list[Record]] = {task: [] for task in sorted(tasks)}
    for record in records:
        if record.task in tasks and tasks[record.task].asks(record):
            asked[record.task].append(record)
    each, more = divmod(sample.prompts, len(asked))
    chosen = {
        task: sorted(found, key=lambda record: sha256_of_text(f"{sample.seed} {record.id}"))[
            : each + (number < more)
        ]
        for number, (task, found) in enumerate(asked.items())
    }
    if sum(map(len, chosen.values())) < 2:
        raise InputError(
            f"latency: fewer than two test records of {', '.join(tasks)} to answer: add some, or "
            "raise `prompts` of `latency`"
        )
    return {task: found for task, found in chosen.items() if found}


def _measured(
    requests: Mapping[str, Request[TransformersSettings]], sample: Mapping[str, Sequence[Record]]
) -> LatencyFile:
    start = time.perf_counter()
    answers: list[TimedAnswer] = []
    costs: list[Mapping[str, float | str | None]] = []
    for task, records in sample.items():
        backend = open_backend(requests[task])
        prompts = backend.prompts(records)
        backend.load()
        if not answers:
            # What is done once, such as choosing kernels, is part of no answer.
            backend.generate(prompts[:1], 0)
        answers += [
            _answered(backend, record, prompt, number)
            for number, (record, prompt) in enumerate(zip(records, prompts, strict=True))
        ]
        costs.append(backend.cost())
    seconds = [answer.seconds for answer in answers]
    count, total = len(seconds), sum(seconds)
    log.info("%d prompts in %.1f s", count, total)
    percentiles = statistics.quantiles(seconds, n=100, method="inclusive")
    peaks = [cost["peak_memory_bytes"] for cost in costs]
    return LatencyFile(
        device=str(costs[0]["device"]),
        load_seconds=time.perf_counter() - start - total,
        seconds=total,
        p50_seconds=percentiles[49],
        p95_seconds=percentiles[94],
        peak_memory_bytes=max(float(peak or 0) for peak in peaks),
        answers=answers,
    )


def _answered(backend: Backend[Any], record: Record, prompt: Prompt, number: int) -> TimedAnswer:
    start = time.perf_counter()
    (answer,) = backend.generate([prompt], number)
    return TimedAnswer(
        task=record.task,
        id=record.id,
        seconds=time.perf_counter() - start,
        prompt_tokens=answer.prompt_tokens,
        generated_tokens=answer.tokens,
    )
