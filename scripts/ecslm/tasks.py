"""What a task is: an entry of the registry `tasks:` in config.yaml."""

from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from ecslm.files import InputError, field_problems, read_text

Answer = Literal["yes_no", "choice", "ranking", "extraction", "generation"]
InputForm = Literal["text", "object", "list"]
Metric = Literal[
    "binary_f1", "macro_f1", "accuracy", "hit_rate", "ndcg", "extraction_f1", "bert_f1"
]

CONFIG_FILE = Path(__file__).resolve().parents[2] / "config.yaml"


# The metrics that can score each type of answer.
METRICS: dict[Answer, tuple[Metric, ...]] = {
    "yes_no": ("binary_f1",),
    "choice": ("macro_f1", "accuracy", "hit_rate"),
    "ranking": ("ndcg",),
    "extraction": ("extraction_f1",),
    "generation": ("bert_f1",),
}


class TaskKind(BaseModel):
    """How a task is scored: names of modules of `ecslm.answers` and `ecslm.metrics`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    answer: Answer = Field(description="Type of the answer; decides how raw output is parsed.")
    metric: Metric = Field(description="Headline metric.")

    @model_validator(mode="after")
    def _matched(self) -> "TaskKind":
        if self.metric not in METRICS[self.answer]:
            valid = " or ".join(METRICS[self.answer])
            raise ValueError(f"metric: {self.metric} cannot score {self.answer}: use {valid}")
        return self

    def kind(self) -> "TaskKind":
        """The part that scoring depends on."""
        return TaskKind(answer=self.answer, metric=self.metric)


class TaskSettings(TaskKind):
    """One task of the registry."""

    title: str = Field(description="Name in prose and captions.")
    aliases: tuple[str, ...] = Field(
        description="Names of the task in the data, the hub's first; the code itself also counts."
    )
    input: InputForm = Field(
        "text",
        description="Form of the input, which is checked and never changed: free text, a JSON "
        "object, or a list of texts in JSON or as Python prints it.",
    )
    ood: bool = Field(True, description="Whether the data has out-of-domain test records.")
    train: bool = Field(True, description="Whether the task's records train the adapters.")
    test: bool = Field(True, description="Whether the task is evaluated.")


def answered_setting(setting: str, shots: int) -> str:
    """The setting of the data in which a model answers the samples of `setting`: with an example in
    the prompt it is the 1-shot setting."""
    return f"{setting}_1-shot" if shots else setting


def registered_kind(code: str, config_file: Path = CONFIG_FILE) -> TaskKind:
    """How the registry's task `code` is scored, for scripts that run alone, without settings.

    Raises:
        InputError: the configuration cannot be read or has no such task.
    """
    try:
        registry = yaml.safe_load(read_text(config_file)).get("tasks", {})
        return TaskSettings.model_validate(registry[code]).kind()
    except yaml.YAMLError as error:
        raise InputError(f"{config_file}: not YAML ({' '.join(str(error).split())})") from None
    except KeyError:
        raise InputError(
            f"--task {code}: not in the registry `tasks:` of {config_file}: valid are "
            f"{', '.join(registry)}"
        ) from None
    except ValidationError as error:
        where = f"{config_file}: tasks.{code}"
        raise InputError(*(f"{where}: {problem}" for problem in field_problems(error))) from None
