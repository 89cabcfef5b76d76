"""What jobs that run a model need, estimated before there are data or weights."""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from pathlib import Path

from ecslm.common.errors import InputError
from ecslm.data.published import read_counts
from ecslm.data.settings import PathData
from ecslm.estimates.devices import DEVICES, Device, read_devices
from ecslm.estimates.encoder import ROBERTA_LARGE, Encoder, estimate_bertscore
from ecslm.estimates.estimate import Estimate, Request
from ecslm.estimates.lengths import LENGTHS, Lengths, LengthsRow, lengths_of, read_lengths
from ecslm.estimates.prediction import PredictionJob, PredictionWork
from ecslm.estimates.sizes import Sizes, sizes_of, sizes_of_row
from ecslm.estimates.training import TrainingJob, TrainingWork
from ecslm.models.architecture import read_architecture
from ecslm.plan.bases import files_of_base
from ecslm.plan.source import source_of
from ecslm.plan.study import Study
from ecslm.schemas.paths import PUBLISHED_COUNTS

# Devices that are slow among those that jobs may meet, so that time limits are generous.
SLOW = {"cpu": "two CPU cores with float32 alone", "cuda": "NVIDIA A10G"}
# Of a model of unknown size: more than the largest of the paper's study needs.
UNKNOWN = Request(memory_mb=64_000, minutes=24 * 60)
# Of a job without a model of its own, which asks a server or copies answers.
WITHOUT_MODEL = Request(memory_mb=2_000, minutes=12 * 60)
# Of a learned baseline, at the paper's size: see benchmarks/learned.py.
LEARNED = Request(memory_mb=2_000, minutes=60)
# Of a task without published counts, whose rows are not here.
UNKNOWN_RECORDS = {"train": 10_000, "val": 1_000, "test": 1_000}


@dataclass(frozen=True, eq=False)
class Workloads:
    """Numbers of records are those of the configuration, of local files, or as published; their
    lengths those of resources/lengths.csv."""

    study: Study

    def training(self, model: str) -> TrainingWork:
        """The records of all tasks that train."""
        entry = self.study.local_models[model]
        assert entry.training is not None, "only tuned models have adapters"
        fraction, most = entry.training.train_fraction, entry.training.max_val_records
        tasks = self.study.training_tasks
        lengths = {
            task: self.lengths(task, entry.shots).cut(entry.training.max_length) for task in tasks
        }
        counts = {task: max(round(fraction * self.records(task, "train")), 1) for task in tasks}
        validation = {task: self.records(task, "val") for task in tasks}
        share = min((most or sum(validation.values())) / max(sum(validation.values()), 1), 1)

        def tokens(task: str) -> float:
            return lengths[task].prompt + lengths[task].answer

        return TrainingWork(
            records=sum(counts.values()),
            tokens=_total(counts, tokens),
            answer_tokens=_total(counts, lambda task: lengths[task].answer),
            validation_tokens=round(share * _total(validation, tokens)),
            longest=max(one.longest_prompt + one.longest_answer for one in lengths.values()),
            answer_share=max(lengths[task].answer / tokens(task) for task in tasks),
        )

    def prediction(self, model: str, task: str, longest: bool) -> PredictionWork:
        """The test records of a task, in the settings that the model answers.

        Args:
            longest: whether all answers are as long as they may be; otherwise as the right ones.
        """
        study, entry = self.study, self.study.local_models[model]
        decoding = entry.decoded(study.decoding(task))
        lengths = self.lengths(task, entry.shots).cut(decoding.max_length)
        if longest:
            limit = decoding.max_new_tokens
            lengths = Lengths(lengths.prompt, lengths.longest_prompt, limit, limit)
        trained = entry.adapter_name(model)
        training = None if trained is None else study.local_models[trained].training
        return PredictionWork(
            prompts=self.records(task, "test", study.answered_settings(model, task)),
            lengths=lengths,
            longest_answer=decoding.max_new_tokens,
            rank=0 if training is None else training.rank,
            targets=() if training is None else training.target_modules,
        )

    def records(self, task: str, split: str, settings: Iterable[str] | None = None) -> int:
        """Records of a dataset file; of all settings, or of these."""
        every = tuple(self.study.evaluated_settings(task, split))
        if settings is None:
            settings = every
        if (rows := self._local_rows(task, split)) is not None:
            # Which setting a row is of, its file alone tells.
            return round(rows * len(tuple(settings)) / max(len(every), 1))
        return sum(self._of_setting(task, split, setting) for setting in settings)

    def lengths(self, task: str, shots: int) -> Lengths:
        """Tokens of the records of a task.

        Args:
            shots: examples in the prompt.
        """
        return lengths_of(self._rows, task, shots)

    def _local_rows(self, task: str, split: str) -> int | None:
        """Rows in local files; None if there are none."""
        data = self.study.settings.data
        if not isinstance(data, PathData) or not Path(data.path).exists():
            return None
        return source_of(self.study).count_rows(task, split)

    def _of_setting(self, task: str, split: str, setting: str) -> int:
        domain = "ood" if setting.startswith("OOD_") else "ind"
        # All settings of a domain have as many.
        return self._published.get((task, split, domain), UNKNOWN_RECORDS[split])

    @cached_property
    def _rows(self) -> Mapping[str, LengthsRow]:
        return read_lengths(LENGTHS)

    @cached_property
    def _published(self) -> Mapping[tuple[str, str, str], int]:
        path = self.study.published(PUBLISHED_COUNTS)
        return {
            (one.task, one.split, one.setting.partition("_")[0].lower()): one.records
            for one in (read_counts(Path(path)) if path else ())
        }


def _total(counts: Mapping[str, int], each: Callable[[str], float]) -> int:
    return round(sum(count * each(task) for task, count in counts.items()))


@dataclass(frozen=True, eq=False)
class Requests:
    """Estimates of a study's jobs on any device, and what they ask of a scheduler.

    Sizes of models are those of resources/architectures.csv, or of their files if these are there.
    """

    study: Study

    def request(self, rule: str, key: Mapping[str, str]) -> Request:
        """What a rule's job with these wildcards asks a scheduler for: enough on the slow device,
        for answers as long as they may be."""
        if rule == "predict" and key["model"] not in self.study.local_models:
            return LEARNED if self.study.model(key["model"]).LEARNS else WITHOUT_MODEL
        found = self.of_key(rule, key, self.slow, longest=True)
        return UNKNOWN if found is None else found.request()

    # Estimates; None where the size of a model is not known.

    def of_key(
        self,
        rule: str,
        key: Mapping[str, str],
        device: Device,
        loads: bool = True,
        longest: bool = False,
    ) -> Estimate | None:
        """The estimate of a rule's job with these wildcards; None also if it runs no model here.

        Args:
            loads: as of `prediction`.
            longest: as of `prediction`; otherwise this holds of models that are not tuned alone.
        """
        model = key.get("model", "")
        match rule:
            case "train_adapter":
                return self.training(model, device)
            case "predict" if model in self.study.local_models:
                longest = longest or not self._tuned(model)
                return self.prediction(model, key["task"], device, loads, longest)
            case "measure_latency":
                return self.single_answers(model, device)
            case "bertscore":
                return self.bertscore(key["task"], device, longest or not self._tuned(model))
            case "export_model":
                return self.exported(model, device)
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
                # `check_named_files` says so.
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

    def _read_sizes(self, base: str) -> Sizes | None:
        row = self.study.architecture_row(base)
        if row is not None:
            return sizes_of_row(row)
        folder = files_of_base(self.study, base)
        return None if folder is None else sizes_of(read_architecture(folder))

    @cached_property
    def _sizes(self) -> dict[str, Sizes | None]:
        return {}


@lru_cache(maxsize=1)
def requests_of(study: Study) -> Requests:
    """The requests of a study, which its rules share."""
    return Requests(study)
