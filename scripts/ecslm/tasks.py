"""What a task is: an entry of the registry `tasks:` in config.yaml."""

from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ecslm.files import InputError, field_problems, read_text

Answer = Literal["yes_no", "choice", "ranking", "extraction", "generation"]
Metric = Literal[
    "binary_f1", "macro_f1", "accuracy", "hit_rate", "ndcg", "extraction_f1", "bert_f1"
]

CONFIG_FILE = Path(__file__).resolve().parents[2] / "config.yaml"


class TaskSettings(BaseModel):
    """One task. `answer` and `metric` name the modules of `ecslm.answers` and `ecslm.metrics`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str = Field(description="Name in prose and captions.")
    aliases: tuple[str, ...] = Field(
        description="Names of the task in the data, the hub's first; the code itself also counts."
    )
    answer: Answer = Field(description="Type of the answer; decides how raw output is parsed.")
    metric: Metric = Field(description="Headline metric.")
    ood: bool = Field(True, description="Whether the data has out-of-domain test records.")
    train: bool = Field(True, description="Whether the task's records train the adapters.")
    test: bool = Field(True, description="Whether the task is evaluated.")


def registered_task(code: str, config_file: Path = CONFIG_FILE) -> TaskSettings:
    """The registry's entry for `code`, for scripts that run alone, without settings.

    Raises:
        InputError: the configuration cannot be read or has no such task.
    """
    try:
        registry = yaml.safe_load(read_text(config_file))["tasks"]
        return TaskSettings.model_validate(registry[code])
    except yaml.YAMLError as error:
        raise InputError(f"{config_file}: not YAML ({' '.join(str(error).split())})") from None
    except KeyError:
        raise InputError(f"--task {code}: not in the registry `tasks:` of {config_file}") from None
    except ValidationError as error:
        where = f"{config_file}: tasks.{code}"
        raise InputError(*(f"{where}: {problem}" for problem in field_problems(error))) from None
