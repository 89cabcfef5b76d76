"""Schema of a task: an entry of the registry `tasks:` in config.yaml."""

from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

import yaml
from pydantic import model_validator

from ecslm.common.errors import InputError
from ecslm.common.files import read_text, validated
from ecslm.schemas.settings import Closed

CONFIG_FILE = Path(__file__).resolve().parents[3] / "config.yaml"

Answer = Literal["yes_no", "choice", "ranking", "extraction", "generation"]
InputForm = Literal["text", "object", "list"]
# How right answers name an option: "B", or "B: positive".
OptionForm = Literal["letter", "text"]


class MetricEntry(NamedTuple):
    """What other code must know of a metric without loading its module in `ecslm.scoring.metrics`.

    Attributes:
        answer: the answer type that it scores.
        classes: whether answers are classes, so that there is a majority class.
        bertscore: whether it is computed from the output of the BERTScore step.
    """

    answer: Answer
    classes: bool = False
    bertscore: bool = False


METRICS: dict[str, MetricEntry] = {
    "binary_f1": MetricEntry("yes_no", classes=True),
    "macro_f1": MetricEntry("choice", classes=True),
    "accuracy": MetricEntry("choice", classes=True),
    # Not classes: the letters of a recommendation are positions in a shuffled list.
    "hit_rate": MetricEntry("choice"),
    "ndcg": MetricEntry("ranking"),
    "extraction_f1": MetricEntry("extraction"),
    "bert_f1": MetricEntry("generation", bertscore=True),
}

if TYPE_CHECKING:
    Metric = str
else:
    # Built from the registry, which a type checker cannot follow.
    Metric = Literal[tuple(METRICS)]

BERTSCORE_METRICS = tuple(name for name, entry in METRICS.items() if entry.bertscore)


class TaskKind(Closed):
    """How a task is scored: a type of answer, and a module of `ecslm.scoring.metrics`."""

    answer: Answer
    """Answer type, which decides how raw output is parsed."""
    metric: Metric
    """Headline metric."""

    @model_validator(mode="after")
    def _matched(self) -> "TaskKind":
        if METRICS[self.metric].answer != self.answer:
            fitting = (name for name, entry in METRICS.items() if entry.answer == self.answer)
            valid = " or ".join(fitting)
            raise ValueError(f"metric: {self.metric} cannot score {self.answer}: use {valid}")
        return self

    def kind(self) -> "TaskKind":
        """The fields that scoring depends on."""
        return TaskKind(answer=self.answer, metric=self.metric)


class TaskSettings(TaskKind):
    """One task of the registry."""

    title: str
    """Name in text and captions."""
    aliases: tuple[str, ...]
    """Names of the task in the data, the hub's first; the code is also recognised."""
    input: InputForm = "text"
    """Format of the input, which is checked but never changed: free text, a JSON object, or a list
    of texts as JSON or a Python repr."""
    option: OptionForm | None = None
    """Of choices: whether right answers are the option's letter or its whole text. Only models with
    `answers: likelihood` need it."""
    ood: bool = True
    """Whether the data has out-of-domain test records."""
    train: bool = True
    """Whether the task's records train the adapters."""
    test: bool = True
    """Whether the task is evaluated."""


EXAMPLE = "_1-shot"


def has_example(setting: str) -> bool:
    """Whether the records of a setting have an example for the prompt."""
    return setting.endswith(EXAMPLE)


def answered_setting(setting: str, shots: int) -> str:
    """The setting whose records a model answers for `setting`: its 1-shot version if the prompt has
    an example."""
    return f"{setting}{EXAMPLE}" if shots else setting


def registered_kind(code: str) -> TaskKind:
    """How task `code` of the registry is scored, for scripts that got no settings.

    Raises:
        InputError: the configuration cannot be read or has no such task.
    """
    try:
        registry = yaml.safe_load(read_text(CONFIG_FILE))["tasks"]
    except (yaml.YAMLError, KeyError, TypeError):
        told = (
            "not YAML, or without `tasks`: `python scripts/check_configuration.py` names the line"
        )
        raise InputError(f"{CONFIG_FILE}: {told}") from None
    if code not in registry:
        known = f"not in `tasks:` of {CONFIG_FILE}: expected one of {', '.join(registry)}"
        otherwise = "or say with `--settings` how it is scored: docs/own-task.md"
        raise InputError(f"--task {code}: {known}, {otherwise}")
    return validated(TaskSettings, registry[code], f"{CONFIG_FILE}: tasks.{code}").kind()
