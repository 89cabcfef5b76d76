"""What jobs that run a model need, estimated before there are data or weights."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import cache, cached_property, lru_cache
from pathlib import Path
from statistics import fmean
from typing import Any

from ecslm.common.csv_rows import read_csv
from ecslm.common.errors import InputError
from ecslm.data.published import read_counts
from ecslm.data.settings import PathData
from ecslm.estimates.devices import DEVICES, Device, read_devices
from ecslm.estimates.encoder import ROBERTA_LARGE, Encoder, estimate_bertscore
from ecslm.estimates.estimate import Estimate, Records
from ecslm.estimates.prediction import estimate_predictions
from ecslm.estimates.sizes import Sizes, sizes_of, sizes_of_row
from ecslm.estimates.training import estimate_training
from ecslm.models.architecture import read_architecture
from ecslm.plan.bases import files_of_base
from ecslm.plan.source import source_of
from ecslm.plan.study import Study
from ecslm.schemas.paths import PUBLISHED_COUNTS

# Devices that are slow among those that jobs may meet, so that time limits are generous.
SLOW = {"cpu": "two CPU cores with float32 alone", "cuda": "NVIDIA A10G"}
# What is asked for in MiB and minutes. Of a model of unknown size: more than the largest of the
# paper's study needs.
UNKNOWN = 64_000, 24 * 60
# Of a job without a model of its own, which asks a server or copies answers.
WITHOUT_MODEL = 2_000, 12 * 60
# Of a learned baseline, at the paper's size: see benchmarks/learned.py.
LEARNED = 2_000, 60
# Of a task without published counts, whose rows are not here.
UNKNOWN_RECORDS = {"train": 10_000, "val": 1_000, "test": 1_000}
# Typical tokens of SmolLM2's tokenizer by task, before there are records: the mean and the longest
# of prompts and answers, and the mean of an example in the prompt.
LENGTHS = Path("resources/lengths.csv")
TOKENS = ("prompt", "longest_prompt", "answer", "longest_answer", "example")


class Requests:
    """Estimates of a study's jobs on any device, and what they ask of a scheduler.

    Sizes of models are those of resources/architectures.csv, or of their files if these are there.
    Numbers of records are those of the configuration, of local files, or as published; their
    lengths those of resources/lengths.csv.
    """

    def __init__(self, study: Study) -> None:
        self.study = study

    def request(self, rule: str, key: Mapping[str, str]) -> tuple[int, int]:
        """What a rule's job with these wildcards asks a scheduler for, in MiB and minutes: enough
        on the slow device, for answers as long as they may be."""
        if rule == "predict" and key["model"] not in self.study.local_models:
            return LEARNED if self.study.model(key["model"]).LEARNS else WITHOUT_MODEL
        found = self.of_key(rule, key, self.slow, longest=True)
        return UNKNOWN if found is None else found.request

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
            loads: whether a prediction loads the model, which in a run one does for all of a model.
            longest: whether all answers are as long as they may be; otherwise this holds of models
                that are not tuned alone.
        """
        model, study = key.get("model", ""), self.study
        if rule == "train_adapter":
            return self.training(model, device)
        if rule == "measure_latency":
            return self._latency(model, device)
        if rule == "export_model":
            return self._export(model, device)
        if rule == "bertscore" or (rule == "predict" and model in study.local_models):
            longest = longest or study.model(model).adapter_name(model) is None
            if rule == "bertscore":
                return self._bertscore(key["task"], device, longest)
            return self.prediction(model, key["task"], device, longest, loads=loads)
        return None

    def training(self, model: str, device: Device) -> Estimate | None:
        """The estimate of the training of one adapter."""
        entry, gpus = self.study.local_models[model], self.study.settings.gpus
        sizes = self.sizes(entry.base)
        if sizes is None or entry.training is None:
            return None
        trained, read = self.trained_on(model), self._validation_tokens(model)
        return estimate_training(
            sizes, entry.precision, entry.training, trained, read, device, processes=gpus
        )

    def prediction(
        self,
        model: str,
        task: str,
        device: Device,
        longest: bool = True,
        prompts: int | None = None,
        **changes: Any,
    ) -> Estimate | None:
        """The estimate of the answers of one model and seed to one task.

        Args:
            longest: whether all answers are as long as they may be; otherwise as the right ones.
            prompts: how many; None for all test records.
            changes: other arguments of `estimate_predictions`.
        """
        entry, decoding = self.study.local_models[model], self._decoding(model, task)
        sizes, work = self.sizes(entry.base), self.answered(model, task)
        if sizes is None:
            return None
        limit, trained = decoding.max_new_tokens, entry.adapter_name(model)
        training = None if trained is None else self.study.local_models[trained].training
        updates = sizes.updates(training.rank, training.target_modules) if training else ()
        given = {"fused": decoding.fused, "batch_tokens": self.study.settings.batch_tokens}
        given |= {"copied": entry.answers == "likelihood"}
        return estimate_predictions(
            sizes,
            entry.precision,
            work=replace(
                work,
                count=work.count if prompts is None else prompts,
                **({"answer": limit, "longest_answer": limit} if longest else {}),
            ),
            longest_answer=limit,
            trained=sum(updates),
            device=device,
            **(given | changes),
        )

    def _latency(self, model: str, device: Device) -> Estimate | None:
        """Each prompt is alone in its batch. The memory is that of predictions, in whose process
        latency is measured in a run of both."""
        tasks = self.study.model_tasks(model)
        prompts = math.ceil(self.study.settings.latency.prompts / max(len(tasks), 1))
        alone = self._answers(model, device, prompts=prompts, batch_tokens=1)
        predictions = (self.prediction(model, task, device) for task in tasks)
        return alone and replace(_largest(predictions), seconds=alone.seconds)

    def _export(self, model: str, device: Device) -> Estimate | None:
        """Model and base with adapter answer the same records; what is written is in the memory of
        the machine."""
        found = self._answers(model, device, prompts=self.study.settings.export.records)
        if found is None:
            return None
        merged = found.device["base"]
        parts = {**found.device, "merged": merged}
        return replace(found, device=parts, host=found.host + merged, seconds=2 * found.seconds)

    def _answers(self, model: str, device: Device, **changes: Any) -> Estimate | None:
        """Some prompts of each task in one job, with the memory of the largest task."""
        found = [
            self.prediction(model, task, device, loads=number == 0, **changes)
            for number, task in enumerate(self.study.model_tasks(model))
        ]
        known = [one for one in found if one is not None]
        seconds = sum(one.seconds for one in known)
        return replace(_largest(known), seconds=seconds) if known else None

    def _bertscore(self, task: str, device: Device, longest: bool) -> Estimate | None:
        settings = self.study.settings.bertscore
        if settings is None:
            return None
        sizes, records = self.sizes(settings.encoder), self._records(task, "test", shots=0)
        encoder = sizes and Encoder(sizes.embedding, sizes.linear, sizes.hidden, sizes.depth)
        # Half of the texts are answers, and half references.
        limit = self.study.decoding(task).max_new_tokens
        mean = (records.answer + (limit if longest else records.answer)) / 2
        most = max(limit, records.longest_answer)
        return estimate_bertscore(
            encoder or ROBERTA_LARGE, settings.layer, 2 * records.count, mean, most, device
        )

    # What they rest on

    @cache  # noqa: B019 - one instance a process
    def sizes(self, base: str) -> Sizes | None:
        """The sizes of a base; None if they are not known, or if its files are damaged."""
        try:
            row = self.study.architecture_row(base)
            if row is not None:
                return sizes_of_row(row)
            folder = files_of_base(self.study, base)
            return None if folder is None else sizes_of(read_architecture(folder))
        except InputError:
            # `check_named_files` says so.
            return None

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

    def trained_on(self, model: str) -> list[Records]:
        """The records of one pass of a training, by task."""
        entry = self.study.local_models[model]
        assert entry.training is not None, "only tuned models have adapters"
        fraction, most = entry.training.train_fraction, entry.training.max_length
        every = (self._records(x, "train", entry.shots) for x in self.study.training_tasks)
        return [replace(x.cut(most), count=max(round(fraction * x.count), 1)) for x in every]

    def _validation_tokens(self, model: str) -> int:
        entry = self.study.local_models[model]
        assert entry.training is not None, "only tuned models have adapters"
        every = [self._records(x, "val", entry.shots) for x in self.study.training_tasks]
        count, most = sum(x.count for x in every), entry.training.max_val_records
        share = min((most or count) / max(count, 1), 1)
        tokens = sum(x.count * x.cut(entry.training.max_length).length for x in every)
        return round(share * round(tokens))

    def answered(self, model: str, task: str) -> Records:
        """The test records of a task, in the settings that a model answers."""
        settings, shots = self.study.answered_settings(model, task), self.study.model(model).shots
        records = self._records(task, "test", shots, settings)
        return records.cut(self._decoding(model, task).max_length)

    def count(self, task: str, split: str, settings: Iterable[str] | None = None) -> int:
        """Records of a dataset file; of all settings, or of these."""
        data, every = self.study.settings.data, self.study.evaluated_settings(task, split)
        chosen = every if settings is None else tuple(settings)
        if isinstance(data, PathData) and Path(data.path).exists():
            # Which setting a row is of, its file alone tells.
            rows = source_of(self.study).count_rows(task, split)
            return round(rows * len(chosen) / max(len(every), 1))
        # All settings of a domain have as many.
        domains = ("ood" if setting.startswith("OOD_") else "ind" for setting in chosen)
        return sum(self._published.get((task, split, x), UNKNOWN_RECORDS[split]) for x in domains)

    def _decoding(self, model: str, task: str) -> Any:
        return self.study.local_models[model].decoded(self.study.decoding(task))

    def _records(
        self, task: str, split: str, shots: int, settings: Iterable[str] | None = None
    ) -> Records:
        """The records of a dataset file, in prompts with so many examples."""
        # Of a task that is not in the file, the means of all.
        rows = [self._lengths[task]] if task in self._lengths else list(self._lengths.values())
        return Records(
            count=self.count(task, split, settings),
            prompt=fmean(one["prompt"] + shots * one["example"] for one in rows),
            longest_prompt=max(one["longest_prompt"] * (1 + shots) for one in rows),
            answer=fmean(one["answer"] for one in rows),
            longest_answer=max(one["longest_answer"] for one in rows),
        )

    @cached_property
    def _lengths(self) -> Mapping[str, Mapping[str, int]]:
        rows = read_csv(LENGTHS, ("task", *TOKENS), ("task",))
        return {row["task"]: {name: int(row[name]) for name in TOKENS} for row in rows}

    @cached_property
    def _published(self) -> Mapping[tuple[str, str, str], int]:
        path = self.study.published(PUBLISHED_COUNTS)
        return {
            (one.task, one.split, one.setting.partition("_")[0].lower()): one.records
            for one in (read_counts(Path(path)) if path else ())
        }


def _largest(found: Iterable[Estimate | None]) -> Estimate:
    """The estimate of the most memory, of which there is one."""
    return max(filter(None, found), key=lambda one: one.device_bytes)


@lru_cache(maxsize=1)
def requests_of(study: Study) -> Requests:
    """The requests of a study, which its rules share."""
    return Requests(study)
