"""The schema of config.yaml, composed of the settings of all stages. Unknown keys are errors.

No job imports this module; rules pass each job the validated settings that it needs.
"""

import re
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, PrivateAttr, field_validator, model_validator

from ecslm.common.errors import InputError
from ecslm.comparisons.settings import ComparisonsSettings, unique
from ecslm.config.files import Content
from ecslm.config.models import DecodingKeys, ModelSettings, Seeds, TransformersModel, over
from ecslm.config.names import BaseName, Line, Name, RegisteredTask
from ecslm.data.settings import DataSource
from ecslm.exports.settings import ExportEntry
from ecslm.models.bases import BaseSource
from ecslm.models.precision import Precision
from ecslm.prediction.backend import DEFAULT
from ecslm.prediction.latency_settings import SampleSettings
from ecslm.prediction.published_answers import PublishedAnswers
from ecslm.schemas.paths import PUBLISHED
from ecslm.schemas.settings import Closed
from ecslm.schemas.task import BERTSCORE_METRICS, TaskSettings
from ecslm.scoring.baselines import Baseline
from ecslm.scoring.bertscore.settings import BertScoreSettings
from ecslm.scoring.settings import ScoringSettings
from ecslm.tables.kind import AnyEntry
from ecslm.tables.references import AnyModelName
from ecslm.training.settings import TrainingSettings


class EncoderSettings(BertScoreSettings):
    """How generated answers are compared with their references."""

    encoder: BaseName = Field(description="Encoder weights, an entry of `bases`.")

    @field_validator("rescale_language")
    @classmethod
    def _language(cls, language: str | None) -> str | None:
        # It is the name of a folder of bert-score.
        if language is not None and not re.fullmatch("[a-z]{2}(-[a-z]+)?", language):
            raise ValueError("should be a language of bert-score, such as en, or null")
        return language


class ReportEntry(Closed):
    """What the page of a study shows beside tables and figures."""

    samples: int = Field(
        6,
        ge=0,
        description="Records of each task and setting that the page shows, with the answers of all "
        "models: half of them those that the model which the page is about answers worst, and then "
        "those that it answers best.",
    )


class StudySettings(Closed):
    """A study: data, models, how these are trained, decoded and scored, comparisons and tables."""

    title: str = Field(description="Title of the reports.")
    question: str = Field(
        "Which of these models is good enough, and what does it cost?",
        description="The question that the study asks; reports answer it first.",
    )
    device: Literal["cpu", "cuda"] = Field(description="Where models run.")
    threads: int = Field(
        2,
        ge=1,
        description="Threads of each training and prediction job. On a CPU the number decides how "
        "sums are rounded, so it does not follow `--cores`; a change reruns nothing.",
    )
    gpus: int = Field(
        1,
        ge=1,
        description="GPUs of each training job, with a process for each (on a CPU, processes). "
        "The number decides how sums are rounded; a change reruns nothing.",
    )
    published_comparable: bool = Field(
        description="Whether the data are those that the published results were measured on."
    )
    published_numbers: str = Field(
        str(PUBLISHED),
        description="Folder with the published results, relative to the working directory or "
        "absolute: study.csv and, if needed, notes.csv, counts.csv and parameters.csv.",
    )
    data: DataSource = Field(description="Where the records come from.")
    tasks: Annotated[tuple[RegisteredTask, ...], AfterValidator(unique)] = Field(
        min_length=1, description="Tasks, entries of `tasks` above."
    )
    train_setting: Line = Field(description="Setting whose train and val records are used.")
    settings: Annotated[tuple[Line, ...], AfterValidator(unique)] = Field(
        min_length=1, description="Settings whose test records are evaluated."
    )
    precision: Precision = Field(
        Precision(), description="Numeric precision in training and prediction of all models."
    )
    training: TrainingSettings = Field(
        TrainingSettings(), description="How all tuned models are trained."
    )
    decoding: DecodingKeys = Field(DecodingKeys(), description="How answers are generated.")
    task_decoding: dict[RegisteredTask, DecodingKeys] = Field(
        {}, description="Keys that replace those of `decoding`, by task."
    )
    batch_tokens: int = Field(
        4000, ge=16, description="Most tokens in a batch of prompts, padding and answers included."
    )
    latency: SampleSettings = Field(
        SampleSettings(),
        description="Test prompts that are answered one at a time, to measure how long that takes.",
    )
    bertscore: EncoderSettings | None = Field(
        None, description=f"Needed by tasks with the metric {' or '.join(BERTSCORE_METRICS)}."
    )
    scoring: ScoringSettings = Field(
        ScoringSettings(), description="How the uncertainty of a score is estimated."
    )
    comparisons: ComparisonsSettings | None = Field(
        None, description="Which of the study's scores are compared, record by record."
    )
    answers: PublishedAnswers | None = Field(
        None, description="Answers that others have published, for models with `published`."
    )
    models: dict[Name, Annotated[ModelSettings, Field(discriminator="backend")]] = Field(
        min_length=1, description="Models by name."
    )
    described_with: AnyModelName | None = Field(
        None,
        description="Model whose tokenizer, prompt and lengths are used to describe the data "
        "(default: of those with a base, the first tuned one by name, or the first; without any, "
        "the data are not described).",
    )
    baselines: tuple[Baseline, ...] = Field(
        (), description="Trivial baselines, each scored for the tasks that it is defined for."
    )
    architectures: dict[BaseName, str] = Field(
        {}, description="Row of resources/architectures.csv for a base, if its name differs."
    )
    tables: dict[Name, AnyEntry] = Field(
        {}, description="Tables by name, which is also the name of their file."
    )
    export: ExportEntry = Field(
        ExportEntry(), description="What `make export` makes of tuned models."
    )
    report: ReportEntry = Field(ReportEntry(), description="What the page of the study shows.")

    @field_validator("models", mode="before")
    @classmethod
    def _with_backend(cls, models: Any) -> Any:
        """The backend may be left out."""
        if not isinstance(models, dict):
            return models
        return {
            name: {"backend": DEFAULT, **model} if isinstance(model, dict) else model
            for name, model in models.items()
        }

    @model_validator(mode="after")
    def _inherited(self) -> Self:
        """Models and tasks have the study's settings, but for keys of their own."""
        models = {
            name: model.inheriting(self.precision, self.training)
            for name, model in self.models.items()
        }
        tasks = {task: over(own, self.decoding) for task, own in self.task_decoding.items()}
        return self.model_copy(update={"models": models, "task_decoding": tasks})


class Config(Closed):
    """The whole of config.yaml."""

    study: str = Field(description="Study to run, an entry of `studies`.")
    seeds: Seeds | None = Field(
        None,
        description="If not null, these replace the `seeds` of all tuned models of the study to "
        "run: their spread is what chance in training, or another type of CPU, may change.",
    )
    tasks: dict[Name, TaskSettings] = Field(description="Registry of tasks by code.")
    setting_titles: dict[str, str] = Field(
        {}, description="Titles of evaluation settings in tables; others are shown by their name."
    )
    bases: dict[Name, BaseSource] = Field(description="Pretrained weights by name.")
    licenses: dict[Name, str] = Field(
        {}, description="Licences of bases, as the hub spells them; model cards name them."
    )
    studies: dict[Name, StudySettings] = Field(description="Studies by name.")
    _content: Content = PrivateAttr(default_factory=lambda: Content({}))

    @model_validator(mode="after")
    def _with_seeds(self) -> Self:
        """The models of the study to run that have adapters have the `seeds` of all, if any."""
        if self.seeds is None or self.study not in self.studies:
            return self
        models = {
            name: model.model_copy(update={"seeds": self.seeds})
            if isinstance(model, TransformersModel) and (model.tuned or model.adapter_of)
            else model
            for name, model in self.current.models.items()
        }
        study = self.current.model_copy(update={"models": models})
        return self.model_copy(update={"studies": {**self.studies, self.study: study}})

    def read_from(self, content: Content) -> Self:
        """A copy that knows the places of its keys."""
        copy = self.model_copy()
        copy._content = content
        return copy

    @property
    def values(self) -> dict[str, Any]:
        """The keys of all files, as read."""
        return self._content.values

    def with_places(self, error: InputError) -> InputError:
        """The same problems; those that begin with a key have its file and line."""
        return self._content.located(error)

    @property
    def current(self) -> StudySettings:
        """The study to run."""
        return self.studies[self.study]
