"""What jobs that run a model need, estimated before there are data or weights."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache, cached_property, lru_cache
from itertools import islice
from pathlib import Path
from statistics import fmean

from ecslm.common.errors import InputError
from ecslm.common.files import read_csv
from ecslm.data.reports import read_counts
from ecslm.data.settings import PathData
from ecslm.data.source import IndexedRows
from ecslm.estimates.estimate import DEVICES, Device, Estimate, Records, read_devices
from ecslm.estimates.formulas import (
    ROBERTA_LARGE,
    estimate_bertscore,
    estimate_predictions,
    estimate_training,
)
from ecslm.estimates.sizes import Sizes, sizes_of, sizes_of_row
from ecslm.models.architecture import read_architecture
from ecslm.plan.inputs import files_of_base, source_of
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
# Own records that are measured; the fewest characters of a token, in Latin letters;
# and tokens of a prompt beside the record, as the turns of a chat.
MOST_MEASURED, CHARACTERS, TURNS = 1000, 2.5, 40


class Requests:
    """Estimates of a study's jobs on any device, and what they ask of a scheduler.

    Sizes of models are those of resources/architectures.csv, or of their files if these are there.
    Numbers of records are those of local files, or as published; their lengths those of
    resources/lengths.csv.
    """

    def __init__(self, study: Study) -> None:
        self.study = study

    def request(self, rule: str, key: Mapping[str, str]) -> tuple[int, int]:
        """What a rule's job with these wildcards asks a scheduler for, in MiB and minutes: enough
        on the slow device, for answers as long as they may be."""
        if found := self.of_key(rule, key, self.slow, longest=True):
            return found.request
        model = key["model"]
        if self.study.model(model).learns:
            return LEARNED
        here = model in self.study.local_models or self.study.served(model)
        return UNKNOWN if here else WITHOUT_MODEL

    def of_key(
        self,
        rule: str,
        key: Mapping[str, str],
        device: Device,
        loads: bool = True,
        longest: bool = False,
    ) -> Estimate | None:
        """The estimate of a rule's job with these wildcards; None if it runs no model here, or one
        of unknown size.

        Args:
            loads: whether a prediction loads the model, which in a run one does for all of a model.
            longest: whether all answers are as long as they may be; otherwise this holds of models
                that are not tuned alone.
        """
        model, task, study = key.get("model", ""), key.get("task", ""), self.study
        longest = longest or study.adapted(model) is None
        if rule == "bertscore":
            return self._bertscore(task, device, longest)
        if model not in study.local_models or self.sizes(study.local_models[model].base) is None:
            return None
        match rule:
            case "train_adapter":
                return self.training(model, device)
            case "predict":
                return self.prediction(model, task, device, longest, loads)
            case "measure_latency" | "export_model":
                # Latency takes less than the largest of the predictions.
                exports = rule == "export_model"
                prompts = study.settings.export.records if exports else None
                every = [
                    self.prediction(model, one, device, longest, prompts=prompts)
                    for one in study.model_tasks(model)
                ]
                largest = max(every, key=lambda one: one.device_bytes)
                if not exports:
                    return largest
                # Model and base with adapter answer the same records of each task; what is written
                # is in the memory of the machine.
                host, seconds = largest.host + largest.device["base"], sum(x.seconds for x in every)
                return replace(largest, host=host, seconds=2 * seconds)
        return None

    def training(self, model: str, device: Device) -> Estimate:
        """The estimate of the training of one adapter."""
        study, entry = self.study, self.study.local_models[model]
        sizes, settings = self.sizes(entry.base), entry.training
        assert sizes and settings, "only tuned models have adapters"
        every = [self._records(task, "val", entry.shots) for task in study.training_tasks]
        count, most = sum(x.count for x in every), settings.max_length
        share = min((settings.max_val_records or count) / max(count, 1), 1)
        read = round(share * round(sum(x.count * x.cut(most).length for x in every)))
        trained = (self._records(task, "train", entry.shots) for task in study.training_tasks)
        part, gpus = settings.train_fraction, study.settings.gpus
        work = [replace(x.cut(most), count=max(round(part * x.count), 1)) for x in trained]
        return estimate_training(sizes, entry.precision, settings, work, read, device, gpus)

    def prediction(
        self,
        model: str,
        task: str,
        device: Device,
        longest: bool = True,
        loads: bool = True,
        prompts: int | None = None,
    ) -> Estimate:
        """The estimate of a model's answers to a task.

        Args:
            longest: whether all answers are as long as they may be, as an untuned model's mostly
                are; otherwise they have the length of the right ones.
            prompts: how many; None for all test records.
        """
        study, entry = self.study, self.study.local_models[model]
        sizes, work = self.sizes(entry.base), self.answered(model, task)
        decoding, training = entry.decoded(study.decoding(task)), study.adapted(model)
        assert sizes, "seen by `of_key`"
        updates = sizes.updates(training.rank, training.target_modules) if training else (0, 0)
        if longest:
            limit = decoding.max_new_tokens
            work = replace(work, answer=limit, longest_answer=limit)
        return estimate_predictions(
            *(sizes, entry.precision, decoding, study.settings.batch_tokens),
            work=replace(work, count=prompts or work.count),
            trained=sum(updates),
            device=device,
            loads=loads,
            copied=entry.answers == "likelihood",
        )

    def _bertscore(self, task: str, device: Device, longest: bool) -> Estimate:
        settings, records = self.study.settings.bertscore, self._records(task, "test", shots=0)
        assert settings, "the configuration requires it of generation tasks"
        sizes = self.sizes(settings.encoder)
        # Half of the texts are answers, and half references.
        answer = self.study.decoding(task).max_new_tokens if longest else records.answer
        mean = (records.answer + answer) / 2
        weights = sizes.stored if sizes else ROBERTA_LARGE
        return estimate_bertscore(weights, 2 * records.count, mean, device)

    # What they rest on

    @cache  # noqa: B019 - one instance a process
    def sizes(self, base: str) -> Sizes | None:
        """The sizes of a base; None if they are not known, or if its files are damaged."""
        try:
            if row := self.study.architecture_row(base):
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

    def answered(self, model: str, task: str) -> Records:
        """The test records of a task, in the settings that a model answers."""
        study, entry = self.study, self.study.local_models[model]
        records = self._records(task, "test", entry.shots, study.answered_settings(model, task))
        return records.cut(entry.decoded(study.decoding(task)).max_length)

    def count(self, task: str, split: str, settings: Sequence[str] | None = None) -> int:
        """Records of a dataset file; of all settings, or of these."""
        study, every = self.study, self.study.evaluated_settings(task, split)
        chosen = every if settings is None else settings
        if own := self._own_rows:
            # Which setting a row is of, its file alone tells.
            rows = sum(part.rows for part in own.of(study.task_names(task), split))
            return round(rows * len(chosen) / max(len(every), 1))
        # All settings of a domain have as many.
        domains = ("ood" if setting.startswith("OOD_") else "ind" for setting in chosen)
        return sum(self._published.get((task, split, x), UNKNOWN_RECORDS[split]) for x in domains)

    def _records(
        self, task: str, split: str, shots: int, settings: Sequence[str] | None = None
    ) -> Records:
        """The records of a dataset file, in prompts with so many examples."""
        # Of a task that is not in the file, those of its own records or else the means of all.
        every = self._lengths
        rows = [every[task]] if task in every else self._own_lengths(task, split)
        rows = rows or list(every.values())
        return Records(
            count=self.count(task, split, settings),
            prompt=fmean(one["prompt"] + shots * one["example"] for one in rows),
            longest_prompt=math.ceil(max(one["longest_prompt"] * (1 + shots) for one in rows)),
            answer=fmean(one["answer"] for one in rows),
            longest_answer=math.ceil(max(one["longest_answer"] for one in rows)),
        )

    @cached_property
    def _own_rows(self) -> IndexedRows | None:
        """The rows of local files, if the study's data are in some that are there."""
        data = self.study.settings.data
        local = isinstance(data, PathData) and Path(data.path).exists()
        return source_of(self.study).rows if local else None

    @cache  # noqa: B019 - one instance a process
    def _own_lengths(self, task: str, split: str) -> list[dict[str, float]]:
        """Those of each of the first records in local files, by their characters."""
        found: list[dict[str, float]] = []
        if rows := self._own_rows:
            parts = rows.of(self.study.task_names(task), split)
            for _, row in islice(rows.rows(parts), MOST_MEASURED):
                texts = (str(row.get(name) or "") for name in ("instruction", "input", "options"))
                asked = sum(map(len, texts)) / CHARACTERS + TURNS
                answer = len(str(row.get("output"))) / CHARACTERS + 1
                found.append(dict(zip(TOKENS, (asked, asked, answer, answer, asked), strict=True)))
        return found

    @cached_property
    def _lengths(self) -> dict[str, dict[str, float]]:
        rows = read_csv(LENGTHS, ("task", *TOKENS), ("task",))
        return {row["task"]: {name: float(row[name]) for name in TOKENS} for row in rows}

    @cached_property
    def _published(self) -> Mapping[tuple[str, str, str], int]:
        path = self.study.published(PUBLISHED_COUNTS)
        counts = read_counts(Path(path)) if path else ()
        return {(x.task, x.split, x.setting.partition("_")[0].lower()): x.records for x in counts}


@lru_cache(maxsize=1)
def requests_of(study: Study) -> Requests:
    """The requests of a study, which its rules share."""
    return Requests(study)
