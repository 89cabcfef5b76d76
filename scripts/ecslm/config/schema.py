"""The schema of config.yaml, composed of the settings of all stages. Unknown keys are errors.

No job imports this module; rules pass each job the validated settings that it needs.
"""

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, ValidationInfo, model_validator

from ecslm.comparisons.settings import BEST_SIMPLE, ComparisonsSettings, unique
from ecslm.config.groups import sections
from ecslm.config.models import (
    BaseName,
    Line,
    ModelSettings,
    Name,
    RegisteredTask,
    Seeds,
    TransformersModel,
    over,
)
from ecslm.data.settings import DataSource
from ecslm.exports.settings import ExportEntry
from ecslm.families.recorded.published_answers import PublishedAnswers
from ecslm.families.settings import DecodingSettings, SampleSettings
from ecslm.models.bases import BaseSource
from ecslm.models.precision import Precision
from ecslm.schemas.paths import PUBLISHED
from ecslm.schemas.references import named_in
from ecslm.schemas.settings import Closed
from ecslm.schemas.task import TaskSettings
from ecslm.scoring.baselines import Baseline
from ecslm.scoring.settings import BertScoreSettings, ScoringSettings
from ecslm.tables.kind import AnyEntry
from ecslm.training.settings import TrainingSettings


def names_in(section: Any, key: str) -> list[str]:
    """The names that stand below a key: keys of a section, items of a list, or the value."""
    found = section.get(key) if isinstance(section, dict) else None
    return [str(one) for one in (found if isinstance(found, dict | list) else [found])]


def names_in_study(study: Any) -> dict[str, list[str]]:
    """What names may refer to in a study, as read, by what they are."""
    models = sections(study, "models")
    run = {name: one for name, one in models.items() if one.get("run", True)}
    contrasts = sections(study, "comparisons", "contrasts")
    of_settings = [name for name, one in contrasts.items() if one.get("kind") == "settings"]
    lists = {key: names_in(study, key) for key in ("tasks", "models", "baselines", "settings")}
    return lists | {
        "models with a base": [name for name, one in run.items() if "base" in one],
        "tuned models": [name for name, one in run.items() if "training" in one],
        "models and baselines": [*lists["models"], *lists["baselines"], BEST_SIMPLE],
        "settings of records": [*lists["settings"], *names_in(study, "train_setting")],
        "contrasts": list(contrasts),
        "contrasts of settings": of_settings,
    }


class EncoderSettings(BertScoreSettings):
    """How generated answers are compared with their references."""

    encoder: BaseName
    """Encoder weights, an entry of `bases`."""


class ReportEntry(Closed):
    """What the page of a study shows beside tables and figures."""

    samples: int = Field(6, ge=0)
    """Records of each task and setting that the page shows, with the answers of all models: half of
    them those that the model which the page is about answers worst, and then those that it answers
    best."""


class StudySettings(Closed):
    """A study: data, models, how these are trained, decoded and scored, comparisons and tables."""

    title: str
    """Title of the reports."""
    question: str = "Which of these models is good enough, and what does it cost?"
    """The question that the study asks; reports answer it first."""
    device: Literal["cpu", "cuda"]
    """Where models run."""
    threads: int = Field(2, ge=1)
    """Threads of each training and prediction job. On a CPU the number decides how sums are
    rounded, so it does not follow `--cores`; a change reruns nothing."""
    gpus: int = Field(1, ge=1)
    """GPUs of each training job, with a process for each (on a CPU, processes). The number decides
    how sums are rounded; a change reruns nothing."""
    published_comparable: bool
    """Whether the data are those that the published results were measured on."""
    published_numbers: str = str(PUBLISHED)
    """Folder with the published results, relative to the working directory or absolute: study.csv
    and, if needed, notes.csv, counts.csv and parameters.csv."""
    data: DataSource
    """Where the records come from."""
    tasks: Annotated[tuple[RegisteredTask, ...], AfterValidator(unique)] = Field(min_length=1)
    """Tasks, entries of `tasks` above."""
    train_setting: Line
    """Setting whose train and val records are used."""
    settings: Annotated[tuple[Line, ...], AfterValidator(unique)] = Field(min_length=1)
    """Settings whose test records are evaluated."""
    precision: Precision = Precision()
    """Numeric precision in training and prediction of all models."""
    training: TrainingSettings = TrainingSettings()
    """How all tuned models are trained."""
    decoding: DecodingSettings = DecodingSettings()
    """How answers are generated."""
    task_decoding: dict[RegisteredTask, DecodingSettings] = {}
    """Keys that replace those of `decoding`, by task."""
    batch_tokens: int = Field(4000, ge=16)
    """Most tokens in a batch of prompts, padding and answers included."""
    latency: SampleSettings = SampleSettings()
    """Test prompts that are answered one at a time, to measure how long that takes."""
    bertscore: EncoderSettings | None = None
    """Needed by tasks with the metric bert_f1."""
    scoring: ScoringSettings = ScoringSettings()
    """How the uncertainty of a score is estimated."""
    comparisons: ComparisonsSettings | None = None
    """Which of the study's scores are compared, record by record."""
    answers: PublishedAnswers | None = None
    """Answers that others have published, for models with `published`."""
    models: dict[Name, Annotated[ModelSettings, Field(discriminator="backend")]] = Field(
        min_length=1
    )
    """Models by name."""
    described_with: Annotated[str, named_in("models with a base")] | None = None
    """Model whose tokenizer, prompt and lengths are used to describe the data (default: of those
    with a base, the first tuned one by name, or the first; without any, the data are not
    described)."""
    baselines: tuple[Baseline, ...] = ()
    """Trivial baselines, each scored for the tasks that it is defined for."""
    architectures: dict[BaseName, str] = {}
    """Row of resources/architectures.csv for a base, if its name differs."""
    tables: dict[Name, Annotated[AnyEntry, Field(discriminator="kind")]] = {}
    """Tables by name, which is also the name of their file."""
    export: ExportEntry = ExportEntry()
    """What `make export` makes of tuned models."""
    report: ReportEntry = ReportEntry()
    """What the page of the study shows."""

    @model_validator(mode="before")
    @classmethod
    def _entered(cls, raw: Any, info: ValidationInfo) -> Any:
        """Names in it are those of the study."""
        if info.context is not None:
            info.context.update(names_in_study(raw))
        return raw

    @model_validator(mode="after")
    def _inherited(self) -> Self:
        """Models and tasks have the study's settings, but for keys of their own."""
        models = dict(self.models)
        for name, one in self.models.items():
            if isinstance(one, TransformersModel):
                tuned = None if one.training is None else over(one.training, self.training)
                own = {"precision": over(one.precision, self.precision), "training": tuned}
                models[name] = one.model_copy(update=own)
        tasks = {task: over(own, self.decoding) for task, own in self.task_decoding.items()}
        return self.model_copy(update={"models": models, "task_decoding": tasks})


class Config(Closed):
    """The whole of config.yaml."""

    study: Annotated[str, named_in("studies")]
    """Study to run, an entry of `studies`."""
    seeds: Seeds | None = None
    """If not null, these replace the `seeds` of all tuned models of the study to run: their spread
    is what chance in training, or another type of CPU, may change."""
    tasks: dict[Name, TaskSettings]
    """Registry of tasks by code."""
    setting_titles: dict[str, str] = {}
    """Titles of evaluation settings in tables; others are shown by their name."""
    bases: dict[Name, BaseSource]
    """Pretrained weights by name."""
    licenses: dict[Annotated[Name, named_in("bases")], str] = {}
    """Licences of bases, as the hub spells them; model cards name them."""
    studies: dict[Name, StudySettings]
    """Studies by name."""

    @property
    def current(self) -> StudySettings:
        """The study to run."""
        return self.studies[self.study]
