"""The workloads of a study's jobs, before there are data: numbers of records, and their tokens."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from ecslm.data.published import read_counts
from ecslm.data.settings import PathData
from ecslm.estimates.lengths import LENGTHS, Lengths, LengthsRow, lengths_of, read_lengths
from ecslm.estimates.prediction import PredictionWork
from ecslm.estimates.training import TrainingWork
from ecslm.plan.source import source_of
from ecslm.plan.study import Study
from ecslm.schemas.paths import PUBLISHED_COUNTS

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
