"""Estimates of what jobs that run a model need, made before there are data or weights."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache

from ecslm.common.errors import InputError
from ecslm.estimates.devices import DEVICES, Device, read_devices
from ecslm.estimates.encoder import ROBERTA_LARGE, Encoder, estimate_bertscore
from ecslm.estimates.estimate import Estimate, Request
from ecslm.estimates.prediction import PredictionJob
from ecslm.estimates.sizes import Sizes, sizes_of, sizes_of_row
from ecslm.estimates.training import TrainingJob
from ecslm.models.architecture import read_architecture, read_architectures
from ecslm.plan.model_checks import files_of_base
from ecslm.plan.study import Study
from ecslm.plan.workloads import Workloads
from ecslm.schemas.paths import ARCHITECTURES

# Devices that are slow among those that jobs may meet, so that time limits are generous.
SLOW = {"cpu": "two CPU cores with float32 alone", "cuda": "NVIDIA A10G"}
# Of a model of unknown size: more than the largest of the paper's study needs.
UNKNOWN = Request(memory_mb=64_000, minutes=24 * 60)
# Of a job without a model of its own, which asks a server or copies answers.
WITHOUT_MODEL = Request(memory_mb=2_000, minutes=12 * 60)
# Of a learned baseline, at the paper's size: see benchmarks/learned.py.
LEARNED = Request(memory_mb=2_000, minutes=60)


@dataclass(frozen=True, eq=False)
class Requests:
    """Estimates of a study's jobs on any device, and what they ask of a scheduler.

    Sizes of models are those of resources/architectures.csv, or of their files if these are there.
    """

    study: Study

    # Requests, on the slow device. That of a job does not depend on its seed.

    def adapter(self, model: str) -> Request:
        """The request of a training job."""
        return self._request(("adapter", model), lambda: self.training(model, self.slow))

    def predictions(self, model: str, task: str) -> Request:
        """The request of a prediction job."""
        if model not in self.study.local_models:
            return LEARNED if self.study.model(model).LEARNS else WITHOUT_MODEL
        return self._request(
            ("predictions", model, task), lambda: self.prediction(model, task, self.slow)
        )

    def latency(self, model: str) -> Request:
        """The request of a job that measures latency."""
        return self._request(("latency", model), lambda: self.single_answers(model, self.slow))

    def scored_texts(self, task: str) -> Request:
        """The request of a BERTScore job."""
        return self._request(("texts", task), lambda: self.bertscore(task, self.slow))

    def export(self, model: str) -> Request:
        """The request of a job that exports a model."""
        return self._request(("export", model), lambda: self.exported(model, self.slow))

    # Estimates; None where the size of a model is not known.

    def of_key(
        self, rule: str, key: Mapping[str, str], device: Device, loads: bool = True
    ) -> Estimate | None:
        """The estimate of a rule's job with these wildcards; None also if it runs no model here.

        Answers of tuned models are assumed to be as long as right ones, others as long as they may
        be.

        Args:
            loads: as of `prediction`.
        """
        match rule:
            case "train_adapter":
                return self.training(key["model"], device)
            case "predict" if key["model"] in self.study.local_models:
                longest = not self._tuned(key["model"])
                return self.prediction(key["model"], key["task"], device, loads, longest)
            case "measure_latency":
                return self.single_answers(key["model"], device)
            case "bertscore":
                return self.bertscore(key["task"], device, longest=not self._tuned(key["model"]))
            case "export_model":
                return self.exported(key["model"], device)
        return None

    def training(self, model: str, device: Device) -> Estimate | None:
        """The estimate of the training of one adapter."""
        job = self._training_job(model, device)
        return None if job is None else job.estimate()

    def training_budget(self, model: str, device: Device) -> int | None:
        """Tokens of a forward pass that a training comes down to on a device, which may be fewer
        than the configuration says; None, too, if the longest record does not fit."""
        job = self._training_job(model, device)
        return None if job is None else job.fitting_budget()

    def prediction(
        self, model: str, task: str, device: Device, loads: bool = True, longest: bool = True
    ) -> Estimate | None:
        """The estimate of the answers of one model and seed to one task.

        Args:
            loads: whether the job loads the model, which in a run one does for all of a model.
            longest: whether all answers are as long as they may be; otherwise as the right ones.
        """
        job = self._prediction_job(model, task, device, longest)
        return None if job is None else replace(job, loads=loads).estimate()

    def prediction_budget(
        self, model: str, task: str, device: Device, packed: bool = False
    ) -> int | None:
        """Tokens of a batch that fit on a device: those of the configuration, halved until they do;
        None, too, if not even the longest prompt fits.

        Args:
            packed: whether the base stays as it is stored, whatever `decoding` says of `fused`.
        """
        job = self._prediction_job(model, task, device, longest=True)
        if job is None:
            return None
        return (replace(job, fused=False) if packed else job).fitting_batch()

    def single_answers(self, model: str, device: Device) -> Estimate | None:
        """The estimate of measuring a model's latency: each prompt is alone in its batch.

        The memory is that of its predictions, in whose process it is measured in a run of both.
        """
        tasks = self.study.model_tasks(model)
        predictions = (self.prediction(model, task, device) for task in tasks)
        known = [one for one in predictions if one is not None]
        prompts = math.ceil(self.study.settings.latency.prompts / max(len(tasks), 1))
        alone = self._some_answers(model, prompts, batch_tokens=1, device=device)
        if alone is None:
            return None
        largest = max(known, key=lambda one: one.device_bytes)
        return replace(largest, seconds=alone.seconds)

    def bertscore(self, task: str, device: Device, longest: bool = True) -> Estimate | None:
        """The estimate of the BERTScores of one model and seed in a task.

        Args:
            longest: as of `prediction`.
        """
        settings = self.study.settings.bertscore
        if settings is None:
            return None
        sizes, lengths = self.sizes(settings.encoder), self.workloads.lengths(task, shots=0)
        encoder = (
            ROBERTA_LARGE
            if sizes is None
            else Encoder(sizes.embedding, sizes.linear, sizes.hidden, sizes.depth)
        )
        # Half of the texts are answers, and half references.
        limit = self.study.decoding(task).max_new_tokens
        mean = (lengths.answer + (limit if longest else lengths.answer)) / 2
        texts = 2 * self.workloads.records(task, "test")
        most = max(limit, lengths.longest_answer)
        return estimate_bertscore(encoder, settings.layer, texts, mean, most, device)

    def exported(self, model: str, device: Device) -> Estimate | None:
        """The estimate of an export: model and base with adapter answer the same records."""
        settings = self.study.settings
        found = self._some_answers(model, settings.export.records, settings.batch_tokens, device)
        if found is None:
            return None
        merged = found.device["base"]
        return replace(
            found,
            device={**found.device, "merged": merged},
            # What is written is in the memory of the machine.
            host=found.host + merged,
            seconds=2 * found.seconds,
        )

    def sizes(self, base: str) -> Sizes | None:
        """The sizes of a base; None if they are not known, or if its files are damaged."""
        if base not in self._sizes:
            try:
                self._sizes[base] = self._read_sizes(base)
            except InputError:
                # `ModelChecks` says so.
                self._sizes[base] = None
        return self._sizes[base]

    @cached_property
    def workloads(self) -> Workloads:
        """How much the jobs have to do."""
        return Workloads(self.study)

    @cached_property
    def devices(self) -> dict[str, Device]:
        """The devices of resources/devices.csv, by name.

        Raises:
            InputError: the file is missing or invalid.
        """
        return read_devices(DEVICES)

    @cached_property
    def slow(self) -> Device:
        """What the study's jobs are assumed to meet."""
        device = self.devices[SLOW[self.study.settings.device]]
        return device.with_threads(self.study.settings.threads)

    def _training_job(self, model: str, device: Device) -> TrainingJob | None:
        entry = self.study.local_models[model]
        sizes = self.sizes(entry.base)
        if sizes is None or entry.training is None:
            return None
        work, processes = self.workloads.training(model), self.study.settings.gpus
        return TrainingJob(sizes, entry.precision, entry.training, work, device, processes)

    def _prediction_job(
        self, model: str, task: str, device: Device, longest: bool
    ) -> PredictionJob | None:
        entry, batch_tokens = self.study.local_models[model], self.study.settings.batch_tokens
        sizes = self.sizes(entry.base)
        if sizes is None:
            return None
        fused = entry.decoded(self.study.decoding(task)).fused
        work = self.workloads.prediction(model, task, longest)
        return PredictionJob(sizes, entry.precision, fused, batch_tokens, work, device)

    def _some_answers(
        self, model: str, prompts: int, batch_tokens: int, device: Device
    ) -> Estimate | None:
        """The estimate of some prompts of each task in one job, with the memory of the largest
        task.
        """
        tasks = self.study.model_tasks(model)
        jobs = [self._prediction_job(model, task, device, longest=True) for task in tasks]
        found = [
            replace(
                job,
                batch_tokens=batch_tokens,
                work=replace(job.work, prompts=prompts),
                loads=number == 0,
            ).estimate()
            for number, job in enumerate(jobs)
            if job is not None
        ]
        if not found:
            return None
        largest = max(found, key=lambda one: one.device_bytes)
        return replace(largest, seconds=sum(one.seconds for one in found))

    def _tuned(self, model: str) -> bool:
        return self.study.model(model).adapter_name(model) is not None

    def _request(self, key: tuple[str, ...], estimate: Callable[[], Estimate | None]) -> Request:
        if key not in self._requests:
            found = estimate()
            self._requests[key] = UNKNOWN if found is None else found.request()
        return self._requests[key]

    def _read_sizes(self, base: str) -> Sizes | None:
        row = self._rows.get(self.study.settings.architectures.get(base, base))
        if row is not None:
            return sizes_of_row(row)
        folder = files_of_base(self.study, base)
        return None if folder is None else sizes_of(read_architecture(folder))

    @cached_property
    def _requests(self) -> dict[tuple[str, ...], Request]:
        return {}

    @cached_property
    def _sizes(self) -> dict[str, Sizes | None]:
        return {}

    @cached_property
    def _rows(self) -> dict[str, dict[str, str]]:
        return read_architectures(ARCHITECTURES)


@lru_cache(maxsize=1)
def requests_of(study: Study) -> Requests:
    """The requests of a study, which its rules share."""
    return Requests(study)
