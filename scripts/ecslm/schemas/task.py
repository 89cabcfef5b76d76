"""What a task is: an entry of the registry `tasks:` in config.yaml."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Answer = Literal["yes_no", "choice", "ranking", "extraction", "generation"]
InputForm = Literal["text", "object", "list"]
Metric = Literal[
    "binary_f1", "macro_f1", "accuracy", "hit_rate", "ndcg", "extraction_f1", "bert_f1"
]


# The metrics that can score each type of answer.
METRICS: dict[Answer, tuple[Metric, ...]] = {
    "yes_no": ("binary_f1",),
    "choice": ("macro_f1", "accuracy", "hit_rate"),
    "ranking": ("ndcg",),
    "extraction": ("extraction_f1",),
    "generation": ("bert_f1",),
}


class TaskKind(BaseModel):
    """How a task is scored: names of modules of `ecslm.scoring`, in `answers` and `metrics`."""

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
