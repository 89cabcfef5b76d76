"""Models whose answers exist already: the backend `recorded`."""

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field, model_validator

from ecslm.config.backends.any_model import AnyModel
from ecslm.config.names import Name
from ecslm.prediction.recorded_settings import RecordedSettings
from ecslm.prediction.settings import DecodingSettings
from ecslm.schemas.paths import ANSWERS
from ecslm.schemas.task import TaskSettings, has_example
from ecslm.tables.references import SettingName, TaskName


class RecordedModel(AnyModel):
    """Answers in files, from any model."""

    # Nothing of these is known, and nothing is computed.
    base: ClassVar[None] = None
    template: ClassVar[None] = None
    training: ClassVar[None] = None
    tuned: ClassVar[bool] = False
    seeds: ClassVar[tuple[int, ...]] = (0,)

    backend: Literal["recorded"] = Field(description="What answers: files of answers.")
    path: str | None = Field(
        None,
        description="Directory of the answers: `{task}.jsonl`, or `{task}/{setting}.json` with a "
        "JSON list of texts in the order of the test records. {task} is the task's code or one of "
        "its aliases.",
    )
    published: Name | None = Field(
        None,
        description="Instead of `path`: its directory among those of the study's `answers`, which "
        "are fetched.",
    )
    tasks: tuple[TaskName, ...] | None = Field(
        None, min_length=1, description="Tasks that it has answers to (default: all)."
    )
    settings: tuple[SettingName, ...] | None = Field(
        None, min_length=1, description="Settings that it has answers in (default: all)."
    )

    @model_validator(mode="after")
    def _in_one_place(self) -> "RecordedModel":
        if (self.path is None) == (self.published is None):
            raise ValueError("needs either `path` or `published`")
        return self

    def prediction(
        self,
        decoding: DecodingSettings,  # noqa: ARG002
        batch_tokens: int,  # noqa: ARG002
        settings: Sequence[str],
        task: TaskSettings,  # noqa: ARG002
    ) -> RecordedSettings:
        """Which records have answers."""
        return RecordedSettings(backend="recorded", shots=self.shots, settings=tuple(settings))

    def answered(self, task: str, settings: Sequence[str]) -> tuple[str, ...]:
        """The settings with as many examples in the prompt, of those that it has answers in."""
        if self.tasks is not None and task not in self.tasks:
            return ()
        return tuple(
            setting
            for setting in settings
            if has_example(setting) == bool(self.shots)
            and (self.settings is None or setting in self.settings)
        )

    def answer_files(
        self, names: Sequence[str], settings: Sequence[str], results: str
    ) -> tuple[str, ...]:
        """The task's file, or one for each setting, by the first name that is there."""
        if self.path is None:
            return (f"{results}/{ANSWERS.format(model=self.published, task=names[0])}",)
        folder = Path(self.path)
        for name in names:
            if (file := folder / f"{name}.jsonl").is_file():
                return (str(file),)
            if (folder / name).is_dir():
                return _of_settings(folder / name, settings)
        return _of_settings(folder / names[0], settings)


def _of_settings(folder: Path, settings: Sequence[str]) -> tuple[str, ...]:
    return tuple(str(folder / f"{setting}.json") for setting in settings)
