"""Latency: how long a model takes to answer a fixed sample of test prompts, one at a time.

Only weights that run here are measured. The answers of a server come from a cache, and depend on
the network and on who else asks it.
"""

import statistics
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from ecslm.common.devices import lease_devices
from ecslm.common.environment import require_locked
from ecslm.common.errors import InputError
from ecslm.common.files import write_json
from ecslm.common.hashing import sha256_of_text
from ecslm.common.manifests import manifest_of, require_unchanged
from ecslm.families.backend import AskedModel, Request
from ecslm.families.settings import LatencySettings, SampleSettings, TransformersSettings
from ecslm.families.transformers.backend import TransformersBackend
from ecslm.models.manifests import run_fields
from ecslm.models.prompts import as_parameter
from ecslm.schemas.cost import LatencyFile, TimedAnswer
from ecslm.schemas.record import Record, read_records
from ecslm.script import Origin, OutputFile, job


@job(log=True, needs=("base", "template"))
def measure_latency(
    origin: Origin,
    asked: AskedModel,
    *,
    datasets: Sequence[Path],
    output: OutputFile,
    settings: LatencySettings,
) -> None:
    """Answer the sample; write how long each answer took, and the manifest.

    The manifest does not list the output, which holds clock values.

    Raises:
        InputError: bad input, a model that cannot be used, too few records, or libraries that
            differ from the lock file.

    Args:
        datasets: dataset files of test records
        output: file to write: the seconds of each answer
        settings: sample, and how tasks are answered: JSON or @FILE
    """
    answering = list(settings.tasks.values())
    prompt, precision = asked.prompt_template().sha256, answering[0].precision
    origin.fields |= {
        "versions": require_locked(settings.libraries_for(asked.adapter)),
        "template_sha256": prompt,
        **run_fields(asked.model, asked.seed, asked.device, asked.threads, precision),
    }
    origin.reads(*datasets, asked.base, asked.adapter)
    records = (record for path in datasets for record in read_records(path))
    sample = sample_of(records, settings, settings.tasks)
    require_unchanged(origin.fields)
    lease_devices(asked.device)
    pinned = vars(asked) | {"template_digest": as_parameter(prompt)}
    requests = {task: Request(**pinned, settings=settings.tasks[task]) for task in sample}
    write_json(output, _measured(requests, sample).model_dump(mode="json"))
    origin.wrote([], manifest_of(output))


def sample_of(
    records: Iterable[Record], sample: SampleSettings, tasks: Mapping[str, TransformersSettings]
) -> dict[str, list[Record]]:
    """The records of each task that are answered, in an order that their ids and the seed decide.

    So another record changes the sample by itself at most.

    Raises:
        InputError: there are fewer than two.
    """
    each, more = divmod(sample.prompts, len(tasks))
    mixed = sorted(records, key=lambda record: sha256_of_text(f"{sample.seed} {record.id}"))
    chosen = {}
    for number, (task, own) in enumerate(sorted(tasks.items())):
        asked = [record for record in mixed if record.task == task and own.asks(record)]
        chosen[task] = asked[: each + (number < more)]
    if sum(map(len, chosen.values())) < 2:
        raise InputError(f"latency: fewer than two test records of {', '.join(tasks)} to answer")
    return {task: found for task, found in chosen.items() if found}


def _measured(
    requests: Mapping[str, Request], sample: Mapping[str, Sequence[Record]]
) -> LatencyFile:
    start = time.perf_counter()
    answers: list[TimedAnswer] = []
    costs: list[Mapping[str, float | str | None]] = []
    for task, records in sample.items():
        backend = TransformersBackend(requests[task])
        prompts = backend.prompts(records)
        backend.load()
        if not answers:
            # What is done once, such as choosing kernels, is part of no answer.
            backend.generate(prompts[:1], 0)
        for number, prompt in enumerate(prompts):
            began = time.perf_counter()
            (answer,) = backend.generate([prompt], number)
            answers.append(
                TimedAnswer(
                    task=task,
                    id=prompt.record.id,
                    seconds=time.perf_counter() - began,
                    prompt_tokens=answer.prompt_tokens,
                    generated_tokens=answer.tokens,
                )
            )
        costs.append(backend.cost())
    seconds = [answer.seconds for answer in answers]
    total = sum(seconds)
    percentiles = statistics.quantiles(seconds, n=100, method="inclusive")
    return LatencyFile(
        device=str(costs[0]["device"]),
        load_seconds=time.perf_counter() - start - total,
        seconds=total,
        p50_seconds=percentiles[49],
        p95_seconds=percentiles[94],
        peak_memory_bytes=max(float(cost["peak_memory_bytes"] or 0) for cost in costs),
        answers=answers,
    )
